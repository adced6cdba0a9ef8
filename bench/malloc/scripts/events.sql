-- SPDX-License-Identifier: MIT
-- What the benchmark gives to sqlite3: ROWS events in memory, indexes, joins, groups, windows, JSON.
PRAGMA temp_store = MEMORY;
CREATE TABLE event(id INTEGER PRIMARY KEY, host TEXT, kind INTEGER, size REAL, message TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ROWS)
INSERT INTO event
SELECT i, 'host-' || (i * 7919 % 1009), i * 31 % 17, (i * 37 % 10007) / 8.0,
       substr('connection from the gateway was reset by its peer before the answer came', 1 + i % 30,
              4 + i * 13 % 40) || '#' || i FROM n;
CREATE INDEX by_host ON event(host, kind);
CREATE INDEX by_size ON event(size);
SELECT kind, count(*), round(avg(size), 3), max(length(message)) FROM event GROUP BY kind ORDER BY kind;
UPDATE event SET message = upper(message) || host, size = size + 0.5 WHERE kind % 4 = 1;
DELETE FROM event WHERE kind = 3 OR id % 11 = 0;
SELECT host, total FROM (SELECT host, sum(size) OVER (PARTITION BY host ORDER BY id) AS total, id FROM event)
ORDER BY total DESC, id LIMIT 5;
SELECT count(*), max(length(list)) FROM (SELECT host, group_concat(message, ';') AS list FROM event GROUP BY host);
SELECT sum(json_array_length(j)) FROM (SELECT json_group_array(json_object('k', kind, 'm', message)) AS j
                                       FROM event GROUP BY host);
SELECT count(*) FROM event a JOIN event b ON a.host = b.host AND a.kind = b.kind WHERE a.id < b.id AND a.size > 1200;
SELECT count(DISTINCT substr(message, 3, 9)), count(DISTINCT replace(message, 'e', 'ee')) FROM event;
DROP INDEX by_size;
VACUUM;
PRAGMA integrity_check;
