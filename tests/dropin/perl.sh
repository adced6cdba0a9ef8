#!/bin/bash
# SPDX-License-Identifier: MIT
#
# perl: hashes, sorting, regular expressions, large strings, closures, forks.
. "$(dirname "$0")/lib.bash"
need perl
export PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0

program()
{
    perl - << 'END'
use strict; use warnings;
srand(42);
my (%count, @words);
for my $i (1 .. 250_000) {
    my $w = join '', map { chr(97 + int(rand(26))) } 1 .. 1 + int(rand(7));
    $count{$w}++;
    push @words, $w . $i if $i % 4 == 0;
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar(@top), " different\n", join(' ', map { "$_=$count{$_}" } @top[0 .. 40]), "\n";
my $text = join ' ', @words;
my %by;
push @{ $by{length $1}{$2} }, $1 while $text =~ /\b((?:[aeiou][a-z]*?)([xyz])\w*)/g;
for my $n (sort { $a <=> $b } keys %by) {
    print "$n: ", join(',', map { "$_ " . scalar @{ $by{$n}{$_} } } sort keys %{ $by{$n} }), "\n";
}
(my $other = $text) =~ s/([a-m]+)(\d+)/$2 . uc($1)/ge;
print length($other), ' ', unpack('%32C*', $other), "\n";
my $big = '';
$big .= chr(32 + $_ % 90) x ($_ % 977) for 1 .. 20_000;
print length($big), ' ', unpack('%32C*', $big), ' ', unpack('%32C*', scalar reverse $big), "\n";
my @tree = map { my $i = $_; sub { my ($x) = @_; return $x * $i } } 1 .. 50_000;
my $sum = 0;
$sum += $tree[$_]->($_ % 10) for 0 .. $#tree;
print "$sum\n";
delete @count{ @top[0 .. $#top / 2] };
print scalar(keys %count), "\n";
$| = 1;
for my $child (1 .. 40) {
    my $pid = open(my $from, '-|') // die "fork: $!";
    if (!$pid) {
        my %mine = map { $_ . $child => length } @words[0 .. 2000];
        print scalar(keys %mine), ' ', join('', (sort keys %mine)[0 .. 3]), "\n";
        exit 0;
    }
    print <$from>;
    close $from or die "child: $?";
}
print join("\n", map { sprintf '%s %s', $_, $_ ** 2 } grep { $_ % 1000 == 0 } 1 .. 20_000), "\n";
END
}

both "program" program
finish
