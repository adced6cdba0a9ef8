# SPDX-License-Identifier: MIT
# What the benchmark gives to perl: words, records, sorting, patterns. words.pl SIZE
use strict;
use warnings;

my ($size) = @ARGV;
my $seed = 1;
sub chance { $seed = ($seed * 1103515245 + 12345) % 2147483648; return $seed >> 8 }

my (@words, %counts, %index);
for (1 .. 30 * $size) {
    my $word = sprintf('w%x', chance() % 5000) x (1 + chance() % 3);
    push @words, $word;
    $counts{$word}++;
    push @{$index{substr($word, 0, 3)}}, { word => $word, at => $_ };
}
my @records = map { { name => $_, parts => [split /a/, $_], length => length } } @words[0 .. 9 * $size];
my @sorted = sort { $b->{length} <=> $a->{length} || $a->{name} cmp $b->{name} } @records;
my $text = join(',', map { "$_->{name}=" . join('+', @{$_->{parts}}) } @sorted);
my $replaced = ($text =~ s/w([0-9a-f]{2})(\w*)/<$2|$1>/g);
my %lengths;
$lengths{length $_}++ for split /,/, $text;
print scalar(keys %counts), ' ', scalar(keys %index), " $replaced ", length($text), "\n";
print "$_ $lengths{$_}\n" for sort { $a <=> $b } keys %lengths;
