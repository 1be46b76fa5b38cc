CREATE TEMP TABLE t (id int PRIMARY KEY, name text);
INSERT INTO t VALUES (1, 'geheim'), (2, 'zwei');
SELECT * FROM t WHERE name = 'geheim';
INSERT INTO t VALUES (1, 'noch einmal');
COPY t FROM STDIN;
3	drei
4	vier
\.
COPY t TO STDOUT;
BEGIN \; SELECT count(*) FROM t \; COMMIT;
DROP TABLE IF EXISTS nicht_da;
SELECT generate_series(1, 500) AS n, repeat('x', 20) AS s;
SELECT 1/0;
