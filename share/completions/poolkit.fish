# SPDX-License-Identifier: MIT
# Completion of poolkit's subcommands and options for fish.
set -l subcommands run compare summary record report advise verify check replay export symbols dump help
complete -c poolkit -n "not __fish_seen_subcommand_from $subcommands" -f -a "$subcommands"
complete -c poolkit -n "__fish_seen_subcommand_from run" -l report -d "record, advise, write a page"
complete -c poolkit -n "__fish_seen_subcommand_from record" -s o -l output -r
complete -c poolkit -n "__fish_seen_subcommand_from record" -l stack -x -a "cfi fp caller none"
complete -c poolkit -n "__fish_seen_subcommand_from record" -l depth -x
complete -c poolkit -n "__fish_seen_subcommand_from record" -l delay -x
complete -c poolkit -n "__fish_seen_subcommand_from record" -l duration -x
complete -c poolkit -n "__fish_seen_subcommand_from record" -l free-stacks
complete -c poolkit -n "__fish_seen_subcommand_from record" -l paused
complete -c poolkit -n "__fish_seen_subcommand_from record" -l drop
complete -c poolkit -n "__fish_seen_subcommand_from record" -l no-follow
complete -c poolkit -n "__fish_seen_subcommand_from record compare" -l with -r
complete -c poolkit -n "__fish_seen_subcommand_from record" -l quiet
complete -c poolkit -n "__fish_seen_subcommand_from report" -s o -l output -r
complete -c poolkit -n "__fish_seen_subcommand_from report" -l text
complete -c poolkit -n "__fish_seen_subcommand_from report" -l json
complete -c poolkit -n "__fish_seen_subcommand_from report" -l open
complete -c poolkit -n "__fish_seen_subcommand_from report" -l strict
complete -c poolkit -n "__fish_seen_subcommand_from report" -l advice -r
complete -c poolkit -n "__fish_seen_subcommand_from report" -l replays -r
complete -c poolkit -n "__fish_seen_subcommand_from advise" -l min-gain -x
complete -c poolkit -n "__fish_seen_subcommand_from advise" -l plan -r
complete -c poolkit -n "__fish_seen_subcommand_from advise replay" -l json -r
complete -c poolkit -n "__fish_seen_subcommand_from advise replay compare" -s n -l rounds -x
complete -c poolkit -n "__fish_seen_subcommand_from check" -l max-peak -x
complete -c poolkit -n "__fish_seen_subcommand_from check" -l max-frag -x
complete -c poolkit -n "__fish_seen_subcommand_from check" -l max-allocs -x
complete -c poolkit -n "__fish_seen_subcommand_from check" -l baseline -r
complete -c poolkit -n "__fish_seen_subcommand_from check" -l write-baseline -r
complete -c poolkit -n "__fish_seen_subcommand_from check" -l junit -r
complete -c poolkit -n "__fish_seen_subcommand_from replay" -l alloc -x -a "glibc poolkit jemalloc mimalloc tcmalloc"
complete -c poolkit -n "__fish_seen_subcommand_from replay" -l pools -r
complete -c poolkit -n "__fish_seen_subcommand_from replay" -l mode -x -a "merged parallel"
complete -c poolkit -n "__fish_seen_subcommand_from replay" -l touch -x -a "all pages first none"
complete -c poolkit -n "__fish_seen_subcommand_from replay" -l system-calls
complete -c poolkit -n "__fish_seen_subcommand_from export" -l to -x -a "pprof speedscope collapsed heaptrack dhat massif perfetto csv"
complete -c poolkit -n "__fish_seen_subcommand_from export" -s o -l output -r
complete -c poolkit -n "__fish_seen_subcommand_from export" -l metric -x -a "bytes allocations peak live"
complete -c poolkit -n "__fish_seen_subcommand_from export" -l events
