# SPDX-License-Identifier: MIT
# Completion of poolkit's subcommands, options and files for bash.
_poolkit()
{
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local subcommands="run compare summary record report advise verify check replay export symbols dump help"
    local options="" i
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        COMPREPLY=($(compgen -W "$subcommands --version" -- "$current"))
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then    # the command's own words
            if ((i == COMP_CWORD - 1)); then
                COMPREPLY=($(compgen -c -- "$current"))
            else
                COMPREPLY=($(compgen -f -- "$current"))
            fi
            return
        fi
    done
    case $before in
    --stack) COMPREPLY=($(compgen -W "cfi fp caller none" -- "$current")); return ;;
    --to) COMPREPLY=($(compgen -W "pprof speedscope collapsed heaptrack dhat massif perfetto csv" -- "$current")); return ;;
    --mode) COMPREPLY=($(compgen -W "merged parallel" -- "$current")); return ;;
    --touch) COMPREPLY=($(compgen -W "all pages first none" -- "$current")); return ;;
    --metric) COMPREPLY=($(compgen -W "bytes allocations peak live" -- "$current")); return ;;
    --with | --alloc) COMPREPLY=($(compgen -W "poolkit glibc jemalloc mimalloc tcmalloc" -f -- "$current")); return ;;
    esac
    case ${COMP_WORDS[1]} in
    run) options="--report --" ;;
    compare) options="--with --rounds --warmup --no-count --load --output --json --title --" ;;
    record) options="--output --stack --depth --free-stacks --delay --duration --paused --drop --no-follow --with --debuginfod --no-cache --quiet --" ;;
    report) options="--output --text --json --open --strict --advice --replays" ;;
    advise) options="--min-gain --plan --json --rounds" ;;
    check) options="--max-peak --max-frag --max-allocs --baseline --write-baseline --junit" ;;
    replay) options="--alloc --pools --mode --paced --touch --rounds --system-calls --check --json --progress" ;;
    export) options="--to --output --metric --events" ;;
    symbols) options="--debuginfod --no-cache" ;;
    dump) options="--events" ;;
    help) COMPREPLY=($(compgen -W "$subcommands" -- "$current")); return ;;
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$options --help" -- "$current"))
    else
        COMPREPLY=($(compgen -f -- "$current"))
    fi
}
complete -o filenames -F _poolkit poolkit
