/* SPDX-License-Identifier: MIT
 * help.c: the help texts.
 */
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char overview[] =
    "poolkit: run programs on poolkit's malloc, and see what it changes\n"
    "\n"
    "  poolkit run -- COMMAND [ARGUMENT]...       run a program on poolkit's malloc\n"
    "  poolkit compare -- COMMAND [ARGUMENT]...   measure it on several mallocs, side by side\n"
    "  poolkit summary FILE...                    several comparisons in one table\n"
    "  poolkit help [run|compare|summary]         more about one of them\n"
    "  poolkit --version\n"
    "\n"
    "Exit code: the command's own (128 + signal when one killed it). 125: poolkit itself could\n"
    "not do it. 126: the command is not executable. 127: the command was not found.\n";

static const char run_help[] =
    "poolkit run -- COMMAND [ARGUMENT]...\n"
    "\n"
    "Runs the command with libpoolkit-malloc.so preloaded, before what LD_PRELOAD names already.\n"
    "poolkit becomes the command: output, signals and the exit code are the command's own.\n"
    "\n"
    "The library is looked for in $POOLKIT_LIB (the file, or its folder), beside poolkit, and in\n"
    "../lib. Static programs, programs for another processor and those that gain privileges\n"
    "(setuid, setgid, file capabilities) are refused: nothing can be preloaded into them.\n";

static const char compare_help[] =
    "poolkit compare [OPTION]... -- COMMAND [ARGUMENT]...\n"
    "\n"
    "Runs the command on the system's malloc, on poolkit's, and on every library named, in turn,\n"
    "several rounds, each run in a fresh process; then prints the medians.\n"
    "\n"
    "  --with LIBRARY, --with NAME=LIBRARY\n"
    "                 one more malloc: a path, a file name, or a short name (--with jemalloc)\n"
    "  -n, --rounds N rounds that count (5)\n"
    "  --warmup N     rounds before them that do not (1)\n"
    "  --no-count     leave out the extra run that counts allocations and fragmentation\n"
    "  --load SHELL-COMMAND\n"
    "                 the command is a server: start SHELL-COMMAND beside it, with POOLKIT_PID\n"
    "                 set to the server's process, and end the server by SIGTERM when it is done;\n"
    "                 only the server's memory and CPU time count, wall time is the load's\n"
    "  --output first|all|none\n"
    "                 pass the command's standard output on for the first run (default), all, "
    "none\n"
    "  --json[=FILE]  write the result to FILE as JSON; without FILE print JSON instead of the\n"
    "                 table, and pass the command's output to standard error\n"
    "  --title NAME   what to call the command in the table\n"
    "\n"
    "wall time      from start to end (± half the range of the middle half of the rounds)\n"
    "CPU time       user and system time of the command and the processes it waited for\n"
    "peak memory    the largest resident size of any one of those processes, code included\n"
    "page faults    of all of them, minor and major\n"
    "allocations    malloc, calloc, aligned and new calls, summed over processes\n"
    "fragmentation  peak resident anonymous memory above that at the start / peak of the bytes\n"
    "               requested and not yet freed, in the process with the largest such peak; it\n"
    "               includes what the program maps by itself, past malloc\n"
    "\n"
    "Allocations and fragmentation come from one extra run that is not timed. Every run gets the\n"
    "same standard input, all of which is read beforehand when it is a pipe. If the output on\n"
    "some malloc differs, a note says so. The first exit code that is not 0 is passed on.\n";

static const char summary_help[] =
    "poolkit summary FILE...\n"
    "\n"
    "Prints results that `poolkit compare --json=FILE` has written as one table: time and peak\n"
    "memory per program, and the geometric mean of the ratios over all of them. Time is wall "
    "time,\n"
    "or the server's CPU time where the command was driven by --load.\n";

void pki_help(void) { fputs(overview, stdout); }

bool pki_help_on(const char *subcommand)
{
    static const struct {
        const char *name, *text;
    } texts[] = {{"run", run_help}, {"compare", compare_help}, {"summary", summary_help}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(subcommand, texts[i].name) == 0) {
            fputs(texts[i].text, stdout);
            return true;
        }
    }
    return false;
}
