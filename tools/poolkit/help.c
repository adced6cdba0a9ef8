/* SPDX-License-Identifier: MIT
 * help.c: the help texts.
 */
#include "tool.h"

#include <stdio.h>
#include <string.h>

static const char overview[] =
    "poolkit: run programs on poolkit's malloc, and see what they allocate\n"
    "\n"
    "  poolkit run -- COMMAND [ARGUMENT]...       run a program on poolkit's malloc\n"
    "  poolkit compare -- COMMAND [ARGUMENT]...   measure it on several mallocs, side by side\n"
    "  poolkit summary FILE...                    several comparisons in one table\n"
    "  poolkit record -- COMMAND [ARGUMENT]...    write down every allocation and free of a run\n"
    "  poolkit symbols FILE...                    give a recording the names that it lacks\n"
    "  poolkit dump FILE                          print a recording as text\n"
    "  poolkit report FILE                        what a recording says: a page, text, JSON\n"
    "  poolkit advise FILE                        which pool fits where, and what it saves\n"
    "  poolkit verify OLD NEW                     what the advice promised against what came\n"
    "  poolkit check FILE                         gates for continuous integration\n"
    "  poolkit export FILE --to FORMAT            for pprof, speedscope, heaptrack, DHAT, CSV ...\n"
    "  poolkit replay FILE                        play a recording on several mallocs and pools\n"
    "  poolkit help SUBCOMMAND                    more about one of them\n"
    "  poolkit --version\n"
    "\n"
    "Exit code: the command's own (128 + signal when one killed it). 125: poolkit itself could\n"
    "not do it. 126: the command is not executable. 127: the command was not found.\n";

static const char run_help[] =
    "poolkit run -- COMMAND [ARGUMENT]...\n"
    "poolkit run --report[=PAGE.html] -- COMMAND [ARGUMENT]...\n"
    "\n"
    "Runs the command with libpoolkit-malloc.so preloaded, before what LD_PRELOAD names already.\n"
    "poolkit becomes the command: output, signals and the exit code are the command's own.\n"
    "\n"
    "--report records the command as it is instead, replays the recording with and without pools,\n"
    "and writes a page about its memory with advice (poolkit-COMMAND.html) and the recording\n"
    "(poolkit-COMMAND.pkt).\n"
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

static const char record_help[] =
    "poolkit record [OPTION]... -- COMMAND [ARGUMENT]...\n"
    "\n"
    "Runs the command and writes down every allocation and free: when, which thread, how many\n"
    "bytes, where, and the call stack; and the memory of the process every 10 ms or sooner.\n"
    "\n"
    "  -o, --output FILE  the recording with the most events (poolkit-NAME-PID.pkt for each); "
    "those\n"
    "                 of other processes and of programs begun by exec are FILE.PID, FILE.PID.2;\n"
    "                 while recording, FILE is that of the first program\n"
    "  --stack cfi|fp|caller|none\n"
    "                 call stacks from unwind tables (default), from frame pointers, only the\n"
    "                 caller, or none\n"
    "  --depth N      keep the N innermost frames (128, which is also the most)\n"
    "  --free-stacks  stacks of frees too\n"
    "  --delay S      begin after S seconds\n"
    "  --duration S   stop after S seconds, write the files, and let the command go on\n"
    "  --paused       begin when poolkit gets SIGUSR1, which switches recording on and off\n"
    "  --drop         when recording cannot keep up, drop events and count them; otherwise the\n"
    "                 program waits\n"
    "  --no-follow    only the first program, not what it starts or becomes by exec\n"
    "  --with LIBRARY record it on another malloc: a path, a file name, or a short name\n"
    "                 (--with jemalloc, --with poolkit)\n"
    "  --debuginfod   fetch debug information from the servers in DEBUGINFOD_URLS\n"
    "  --no-cache     neither use nor keep names in ~/.cache/poolkit/symbols\n"
    "  --quiet        do not tell what was written\n"
    "\n"
    "It ends when the command and all that it started have ended. Signals to poolkit are handed\n"
    "on to the command. A program that is killed leaves a whole recording; when poolkit itself is\n"
    "killed, the recording is cut short, but readable, and the program goes on. A program that\n"
    "allocates nothing leaves no file. Static and setuid programs are refused.\n";

static const char symbols_help[] =
    "poolkit symbols [--debuginfod] [--no-cache] FILE...\n"
    "\n"
    "Looks up functions, files and lines of the addresses in a recording that have none, and\n"
    "writes them into it: for one that was cut short, or after debug information was installed.\n"
    "The programs and libraries must still be those that ran; others are left out.\n"
    "\n"
    "  --debuginfod   fetch debug information from the servers in DEBUGINFOD_URLS\n"
    "  --no-cache     neither use nor keep names in ~/.cache/poolkit/symbols\n";

static const char dump_help[] =
    "poolkit dump [--events N] FILE\n"
    "\n"
    "Prints a recording as lines of text: what ran, threads, modules, call stacks, and the first\n"
    "N events (all): nanoseconds, thread, kind, address, bytes, stack.\n";

static const char report_help[] =
    "poolkit report FILE [OPTION]...\n"
    "\n"
    "Tells what a recording says about the program's memory: how much was held and for what, "
    "which\n"
    "call sites hold it, what pins pages that could be given back. Without options it writes one\n"
    "HTML page beside the recording, which needs nothing else and may be mailed.\n"
    "\n"
    "  -o, --output PAGE  where to write the page\n"
    "  --open         show it in the desktop's browser\n"
    "  --text         the summary on the terminal instead\n"
    "  --json[=FILE]  everything as JSON (docs/report-json.md), to FILE or standard output\n"
    "  --replays FILE add what `poolkit replay --json FILE` has measured\n"
    "  --advice FILE  add what `poolkit advise --json FILE` has found\n"
    "  --strict       exit with 1 if the recording was cut short\n"
    "\n"
    "live           bytes that were asked for and not yet freed\n"
    "rounding       what the allocator adds to each block: its header, and up to its next size\n"
    "pinned         free bytes on pages of 4 KiB that hold at least one live byte\n"
    "free pages     resident pages without a live byte\n"
    "footprint      resident anonymous memory above that before the first event\n"
    "short          blocks that were gone within the next 16 allocations\n";

static const char advise_help[] =
    "poolkit advise FILE... [OPTION]...\n"
    "\n"
    "Tells which call site of a recorded program should use which pool, and what that saves. Each\n"
    "pool is tried: the recording is played with this site's blocks in poolkit's real pool, "
    "beside\n"
    "the recording as it was. If nothing pays, it says so, and why.\n"
    "Further recordings of the same program raise the confidence where their sites agree.\n"
    "\n"
    "  --min-gain G   smaller savings are not advised: of peak memory in bytes (1MB), or a share "
    "of\n"
    "                 it (1%); without it 1 % and at least 256 KiB; nor those below the replay's "
    "error\n"
    "  --plan FILE    write the advice as a plan for `poolkit replay --pools`\n"
    "  --json FILE    write it as JSON, for `poolkit report --advice`; - prints it instead of "
    "text\n"
    "  -n, --rounds N timed rounds of the last comparison (5)\n"
    "\n"
    "saves          low to high: over repetitions, memory widened by the replay's distance from "
    "the\n"
    "               recorded peak; beyond 5 % of that nothing is said of memory\n"
    "confidence     volume: blocks the rule was learned from; stability: share of windows in\n"
    "               which the pool saves; runs: recordings that agree; model: 1 if each block is\n"
    "               still freed by itself, 0.6 for an arena\n";

static const char verify_help[] =
    "poolkit verify OLD NEW\n"
    "\n"
    "OLD is a recording, NEW one of the same program after it was changed as `poolkit advise OLD`\n"
    "says, at the same work. Tells which advice was followed (malloc is no longer asked for the\n"
    "site's blocks), what peak resident memory that promised to save, and what was saved.\n"
    "\n"
    "Exit code: 0 if the promise was kept, or nothing was promised; 1 if not.\n";

static const char check_help[] =
    "poolkit check FILE [GATE]...\n"
    "\n"
    "  --max-peak L   peak resident anonymous memory above that at the start: 64MB, 64MiB, +5%\n"
    "  --max-frag L   largest footprint / largest live bytes: 1.25, +5%\n"
    "  --max-allocs L number of allocations: 200000, +2%\n"
    "  --baseline FILE  what shares (+5%) are added to\n"
    "  --write-baseline FILE  keep this recording's figures as a baseline\n"
    "  --junit FILE   write the result as JUnit XML too\n"
    "\n"
    "Exit code: 0 if all gates passed, 1 if one failed, 2 for a bad option or file.\n";

static const char export_help[] =
    "poolkit export FILE --to FORMAT [OPTION]...\n"
    "\n"
    "  --to pprof         for `go tool pprof` and Google's pprof (allocated, in use at the end)\n"
    "  --to speedscope    for speedscope.app\n"
    "  --to collapsed     for flamegraph.pl: a line for each call stack\n"
    "  --to heaptrack     for heaptrack_print and heaptrack_gui\n"
    "  --to dhat          for valgrind's dh_view.html; lifetimes are to a factor of two\n"
    "  --to massif        for ms_print and massif-visualizer; without the trees\n"
    "  --to perfetto      for ui.perfetto.dev: memory over time\n"
    "  --to csv           a row for each call stack\n"
    "\n"
    "  -o, --output OUT   where to (FILE with the format's extension); - is standard output\n"
    "  --metric M         collapsed: bytes (default), allocations, peak, live (at the end)\n"
    "  --events           csv: a row for each event\n";

static const char replay_help[] =
    "poolkit replay FILE [OPTION]...\n"
    "\n"
    "Plays the allocations and frees of a recording on several mallocs, each in a fresh process, "
    "and\n"
    "tells what each would have held and cost.\n"
    "\n"
    "  --alloc LIST   mallocs, with commas: glibc, poolkit, a path, a file name, a short name\n"
    "                 (jemalloc), or NAME=LIBRARY (glibc,poolkit)\n"
    "  --pools PLAN   play it on each malloc once more, with call sites on poolkit's pools as the\n"
    "                 JSON file PLAN says: {\"pools\": [{\"id\": 1, \"kind\": \"block\", "
    "\"block_size\":\n"
    "                 64}], \"sites\": [{\"frames\": [\"new_node\", \"parse\"], \"pool\": 1}]}; "
    "kinds: block,\n"
    "                 object, thread-local, arena-scope, arena-chunks; frames: innermost first; "
    "or\n"
    "                 \"stacks\": [[NUMBER or [FIRST, LAST], pool]]\n"
    "  --mode merged  one thread, in the recorded order (default); addresses are fixed\n"
    "  --mode parallel\n"
    "                 a thread for each recorded one, 256 at most; an operation waits for its "
    "block\n"
    "  --paced[=FACTOR]\n"
    "                 parallel: with the recorded gaps, FACTOR times as fast (1)\n"
    "  --touch all|pages|first|none\n"
    "                 what is written into new memory where memory is measured: every byte\n"
    "                 (default), a byte of each page, a byte of each block, nothing\n"
    "  -n, --rounds N timed rounds (5); 0: memory only\n"
    "  --system-calls count brk, mmap, munmap, madvise and mremap in one more run\n"
    "  --check        write a pattern into every block and verify it\n"
    "  --json FILE    write the result to FILE as JSON too; - prints it instead of the table\n"
    "  --progress     a line for each run on standard error, also when that is no terminal\n"
    "\n"
    "peak, mean     resident anonymous memory above that before the first operation; the mean is\n"
    "               over operations. Two runs; code and what the program maps by itself are not in "
    "it\n"
    "footprint      the most private writable memory that was mapped, touched or not\n"
    "/ live         footprint / most bytes that were asked for and not freed\n"
    "ns per event   processor time of the loop (parallel: wall time) per operation, from rounds "
    "of\n"
    "               their own in which only the first byte of each block is written; median "
    "(range)\n"
    "faults         page faults of the runs that measure memory\n"
    "*              best, or not to be told from it\n"
    "\n"
    "Calibration: the peak replayed on the recorded malloc against the recorded one. Beyond 5 % "
    "the\n"
    "figures are not to be trusted for this program, and the reason is told.\n";

void pki_help(void) { fputs(overview, stdout); }

bool pki_help_on(const char *subcommand)
{
    static const struct {
        const char *name, *text;
    } texts[] = {{"run", run_help},       {"compare", compare_help}, {"summary", summary_help},
                 {"record", record_help}, {"symbols", symbols_help}, {"dump", dump_help},
                 {"replay", replay_help}, {"report", report_help},   {"advise", advise_help},
                 {"verify", verify_help}, {"check", check_help},     {"export", export_help}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(subcommand, texts[i].name) == 0) {
            fputs(texts[i].text, stdout);
            return true;
        }
    }
    return false;
}
