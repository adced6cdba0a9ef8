// SPDX-License-Identifier: MIT
// Bundles the page's sources into one HTML text and writes it as a C array: node build.mjs shell.c
//
// The content security policy allows the one script and the one style that are in the page, by
// their hashes, and nothing else.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const LIMIT = 150 * 1024;

async function bundle(entry) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    charset: 'utf8',
    legalComments: 'none',
    target: ['chrome110', 'firefox115', 'safari16.4'],
  });
  return result.outputFiles[0].text.trim();
}

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

function cArray(text) {
  const lines = [];
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += 24) {
    lines.push(`    ${Array.from(bytes.subarray(i, i + 24)).join(', ')},`);
  }
  return `/* Made by build.mjs from tools/report/src. */
#include <stddef.h>

extern const unsigned char report_shell[];
extern const size_t report_shell_bytes;
const unsigned char report_shell[] = {
${lines.join('\n')}
};
const size_t report_shell_bytes = sizeof report_shell;
`;
}

const script = await bundle('src/main.ts');
const style = await bundle('src/style.css');
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

const shell = readFileSync('src/shell.html', 'utf8')
  .replace('{{policy}}', () => policy)
  .replace('{{style}}', () => style)
  .replace('{{script}}', () => script);

const size = Buffer.byteLength(shell);
if (size > LIMIT) {
  throw new Error(`the page's shell is ${size} bytes long; the limit is ${LIMIT}`);
}
writeFileSync(process.argv[2], cArray(shell));
