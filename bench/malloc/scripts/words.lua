-- SPDX-License-Identifier: MIT
-- What the benchmark gives to lua: words, trees of tables, closures, strings. words.lua SIZE
local size = tonumber(arg[1])
local seed = 1
local function chance()
    seed = (seed * 1103515245 + 12345) % 2147483648
    return seed >> 8
end

local words, counts, index = {}, {}, {}
for i = 1, 30 * size do
    local word = string.rep(string.format("w%x", chance() % 5000), 1 + chance() % 3)
    words[#words + 1] = word
    counts[word] = (counts[word] or 0) + 1
    local key = word:sub(1, 3)
    index[key] = index[key] or {}
    table.insert(index[key], { word = word, at = i })
end
table.sort(words)

local function tree(depth)
    if depth == 0 then return {} end
    return { tree(depth - 1), tree(depth - 1) }
end
local function nodes(t)
    if not t[1] then return 1 end
    return 1 + nodes(t[1]) + nodes(t[2])
end
local sum = 0
for _ = 1, size // 20 do sum = sum + nodes(tree(10)) end

local adders = {}
for i = 1, 10 * size do adders[i] = function(x) return x + i end end
for i = 1, #adders do sum = adders[i](sum) % 1000003 end

local parts = {}
for i = 1, #words, 3 do parts[#parts + 1] = words[i]:upper() .. "/" .. i end
local text = table.concat(parts, ",")
local n = 0
for _ in text:gmatch("[^,]+A") do n = n + 1 end
print(#words, words[1], words[#words], sum, #text, n)
