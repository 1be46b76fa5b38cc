//! Statements, and what is left of them.

/// (statement, sanitised text, summary); an empty text stands for the statement itself.
pub(super) type Case = (&'static str, &'static str, &'static str);

/// After the conventions' `db-sql-test-cases.json`.
///
/// One case is answered differently: for `UPDATE T SET A = (999)` the file has the summary
/// `UPDATE`, against the text of the conventions, which asks for the targets of operations.
pub(super) const CONVENTIONS: &[Case] = &[
    ("SELECT 12, -12, +12", "SELECT ?, ?, ?", "SELECT"),
    ("SELECT 12.34, -12.34, +12.34, .01, -.01", "SELECT ?, ?, ?, ?, ?", "SELECT"),
    ("SELECT 12.34e56, -12.34e56, +12.34e56", "SELECT ?, ?, ?", "SELECT"),
    ("SELECT 12.34e-56, -12.34e-56, +12.34e-56", "SELECT ?, ?, ?", "SELECT"),
    ("SELECT 99+100", "SELECT ??", "SELECT"),
    ("SELECT 0xDEADBEEF, 0XdeadBEEF", "SELECT ?, ?", "SELECT"),
    ("SELECT 'hello'", "SELECT ?", "SELECT"),
    ("SELECT 'My name''s not important'", "SELECT ?", "SELECT"),
    ("SELECT 'My name is \n not important'", "SELECT ?", "SELECT"),
    (
        "SELECT c3po, r2d2 FROM covid19 WHERE n1h1=1234",
        "SELECT c3po, r2d2 FROM covid19 WHERE n1h1=?",
        "SELECT covid19",
    ),
    ("SELECT a FROM dbo.Table JOIN dbo.AnotherTable", "", "SELECT dbo.Table dbo.AnotherTable"),
    (
        "INSERT INTO X VALUES(1, 23456, 123.456, 99+100)",
        "INSERT INTO X VALUES(?, ?, ?, ??)",
        "INSERT X",
    ),
    ("SELECT { guid '01234567-89ab-cdef-0123-456789abcdef' }", "SELECT { guid ? }", "SELECT"),
    (
        "SELECT * FROM table WHERE value IN (123, 456, 'abc')",
        "SELECT * FROM table WHERE value IN (?)",
        "SELECT table",
    ),
    (
        "SELECT column -- end of line comment\nFROM /* block \n comment */ table",
        "SELECT column \nFROM  table",
        "SELECT table",
    ),
    (
        "INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  order_id = 1",
        "INSERT INTO shipping_details\n(order_id,\naddress)\nSELECT order_id,\naddress\nFROM   orders\nWHERE  order_id = ?",
        "INSERT shipping_details SELECT orders",
    ),
    (
        "SELECT order_date\nFROM   (SELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
        "",
        "SELECT SELECT orders customers",
    ),
    (
        "SELEcT order_date\nFROM   (sELECT *\nFROM   orders o\nJOIN customers c\nON o.customer_id = c.customer_id)",
        "",
        "SELEcT sELECT orders customers",
    ),
    ("SELEcT order_date\nFROM ORders", "", "SELEcT ORders"),
    ("SELECT * FROM Orders o CROSS JOIN OrderDetails od", "", "SELECT Orders OrderDetails"),
    ("SELECT * FROM Orders o, OrderDetails od", "", "SELECT Orders OrderDetails"),
    (
        "CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(1,1) PRIMARY KEY\n)",
        "CREATE  TABLE MyTable (\n    ID NOT NULL IDENTITY(?,?) PRIMARY KEY\n)",
        "CREATE TABLE MyTable",
    ),
    (
        "ALTER  TABLE MyTable ADD Name varchar(255)",
        "ALTER  TABLE MyTable ADD Name varchar(?)",
        "ALTER TABLE MyTable",
    ),
    ("DROP  TABLE MyTable", "", "DROP TABLE MyTable"),
    ("SELECT * FROM SelectedData", "", "SELECT SelectedData"),
    (
        "CREATE UNIQUE CLUSTERED INDEX IX_Employee_Email ON Employees (Email);",
        "",
        "CREATE INDEX IX_Employee_Email",
    ),
    ("SELECT DISTINCT Country FROM Countries", "", "SELECT Countries"),
    (
        "SELECT DISTINCT o.Id FROM Orders o JOIN Customers c ON o.CustomerId = c.Id",
        "",
        "SELECT Orders Customers",
    ),
    (
        "CREATE TABLE IF NOT EXISTS Users (Id INT PRIMARY KEY, Name NVARCHAR(100));",
        "CREATE TABLE IF NOT EXISTS Users (Id INT PRIMARY KEY, Name NVARCHAR(?));",
        "CREATE TABLE Users",
    ),
    (
        "CREATE VIEW ActiveUsers AS SELECT * FROM Users WHERE IsActive = 1;",
        "CREATE VIEW ActiveUsers AS SELECT * FROM Users WHERE IsActive = ?;",
        "CREATE VIEW ActiveUsers",
    ),
    ("ALTER TABLE Orders RENAME COLUMN OldName TO NewName;", "", "ALTER TABLE Orders"),
    (
        "CREATE PROCEDURE GetUserById @UserId INT AS SELECT * FROM Users WHERE Id = @UserId;",
        "",
        "CREATE PROCEDURE GetUserById",
    ),
    (
        "CREATE TRIGGER trg_UpdateTimestamp ON Orders AFTER UPDATE AS BEGIN UPDATE Orders SET UpdatedAt = GETDATE() WHERE Id IN (SELECT Id FROM inserted); END;",
        "",
        "CREATE TRIGGER trg_UpdateTimestamp",
    ),
    (
        "ALTER TRIGGER trg_AfterInsert ON Employees AFTER INSERT AS BEGIN INSERT INTO AuditLog (EmployeeId, Action) SELECT Id, 'INSERT' FROM inserted; END;",
        "ALTER TRIGGER trg_AfterInsert ON Employees AFTER INSERT AS BEGIN INSERT INTO AuditLog (EmployeeId, Action) SELECT Id, ? FROM inserted; END;",
        "ALTER TRIGGER trg_AfterInsert",
    ),
    ("DROP TRIGGER IF EXISTS trg_AfterInsert;", "", "DROP TRIGGER trg_AfterInsert"),
    (
        "SELECT o.Id, c.Name, SUM(oi.Quantity) FROM Orders o JOIN Customers c ON o.CustomerId = c.Id JOIN OrderItems oi ON o.Id = oi.OrderId GROUP BY o.Id, c.Name;",
        "",
        "SELECT Orders Customers OrderItems",
    ),
    (
        "SELECT DISTINCT Department, COUNT(*) OVER (PARTITION BY Department) AS DeptCount FROM Employees;",
        "",
        "SELECT Employees",
    ),
    (
        "SELECT Id, Name FROM Customers UNION SELECT Id, Name FROM Suppliers ORDER BY Name;",
        "",
        "SELECT Customers Suppliers",
    ),
    ("CREATE DATABASE TestDb;", "", "CREATE DATABASE TestDb"),
    ("ALTER DATABASE TestDb MODIFY NAME = NewTestDb;", "", "ALTER DATABASE TestDb"),
    ("DROP DATABASE IF EXISTS TestDb;", "", "DROP DATABASE TestDb"),
    ("ALTER SCHEMA Reporting TRANSFER dbo.OldTable;", "", "ALTER SCHEMA Reporting"),
    (
        "CREATE SEQUENCE SalesSeq START WITH 1 INCREMENT BY 1;",
        "CREATE SEQUENCE SalesSeq START WITH ? INCREMENT BY ?;",
        "CREATE SEQUENCE SalesSeq",
    ),
    (
        "CREATE FUNCTION dbo.GetTotal(@a INT, @b INT) RETURNS INT AS BEGIN RETURN @a + @b; END;",
        "",
        "CREATE FUNCTION dbo.GetTotal",
    ),
    (
        "CREATE USER johndoe WITH PASSWORD = 'password';",
        "CREATE USER johndoe WITH PASSWORD = ?;",
        "CREATE USER johndoe",
    ),
    ("ALTER ROLE app_admin ADD MEMBER johndoe;", "", "ALTER ROLE app_admin"),
    ("ALTER INDEX IX_Employee_Email ON Employees REBUILD;", "", "ALTER INDEX IX_Employee_Email"),
    ("EXEC sp_rename 'OldTable', 'NewTable';", "EXEC sp_rename ?, ?;", "EXEC sp_rename"),
    ("EXEC GetAllEmployees;", "", "EXEC GetAllEmployees"),
    (
        "EXEC GetEmployeeById @EmployeeId = 42;",
        "EXEC GetEmployeeById @EmployeeId = ?;",
        "EXEC GetEmployeeById",
    ),
    ("INSERT INTO T (A) VALUES (123)", "INSERT INTO T (A) VALUES (?)", "INSERT T"),
    ("SELECT (123) AS C;", "SELECT (?) AS C;", "SELECT"),
    ("UPDATE T SET A = (999);", "UPDATE T SET A = (?);", "UPDATE T"),
    (
        "CREATE TABLE T (A INT DEFAULT (123));",
        "CREATE TABLE T (A INT DEFAULT (?));",
        "CREATE TABLE T",
    ),
    ("SELECT ((123)) AS C;", "SELECT ((?)) AS C;", "SELECT"),
    ("SELECT ABS((123));", "SELECT ABS((?));", "SELECT"),
    (
        "SELECT * FROM T WHERE Amount BETWEEN (10) AND (20);",
        "SELECT * FROM T WHERE Amount BETWEEN (?) AND (?);",
        "SELECT T",
    ),
    (
        "SELECT * FROM T WHERE Id = COALESCE((123), 0);",
        "SELECT * FROM T WHERE Id = COALESCE((?), ?);",
        "SELECT T",
    ),
    ("SELECT CAST((123) AS INT);", "SELECT CAST((?) AS INT);", "SELECT"),
    (
        "CREATE TABLE Table (Name VARCHAR(255), Code CHAR(10));",
        "CREATE TABLE Table (Name VARCHAR(?), Code CHAR(?));",
        "CREATE TABLE Table",
    ),
    ("SELECT TOP (10) * FROM Employees", "SELECT TOP (?) * FROM Employees", "SELECT Employees"),
    ("SELECT TOP 10 * FROM Employees", "SELECT TOP ? * FROM Employees", "SELECT Employees"),
    (
        "SELECT * FROM table WHERE value IN (-123, .456, 'abc', 0.12, 1e10)",
        "SELECT * FROM table WHERE value IN (?)",
        "SELECT table",
    ),
    (
        "SELECT * FROM table WHERE value IN (0xAB, .456, 'abc', 0.12, 1e10)",
        "SELECT * FROM table WHERE value IN (?)",
        "SELECT table",
    ),
    (
        "SELECT * FROM table WHERE value IN ('abc', 0xAB, .456,",
        "SELECT * FROM table WHERE value IN (?, ?, ?,",
        "SELECT table",
    ),
    (
        "ALTER  TABLE MyTable 'mypassword' ADD 123 Name varchar(255)",
        "ALTER  TABLE MyTable ? ADD ? Name varchar(?)",
        "ALTER TABLE MyTable",
    ),
    // From the text of the conventions.
    (
        "SELECT *\nFROM \"song list\", 'artists'",
        "SELECT *\nFROM \"song list\", ?",
        "SELECT \"song list\" 'artists'",
    ),
    ("{call some_stored_procedure}", "", "call some_stored_procedure"),
];

pub(super) const POSTGRESQL: &[Case] = &[
    ("SELECT $1::int, $2, a->>'k' FROM t", "SELECT $1::int, $2, a->>? FROM t", "SELECT t"),
    (
        "SELECT $$it's$$, $a$ $$ $b$ $a$, E'it\\'s', U&'d\\0061t', b'01'",
        "SELECT ?, ?, ?, ?, ?",
        "SELECT",
    ),
    ("SELECT 'a\\', b FROM t", "SELECT ?, b FROM t", "SELECT t"),
    ("SELECT /* a /* nested */ b */ 1", "SELECT  ?", "SELECT"),
    (
        "SELECT a[1:2] FROM \"My\".\"T able\" WHERE x = -1",
        "SELECT a[?:?] FROM \"My\".\"T able\" WHERE x = ?",
        "SELECT \"My\".\"T able\"",
    ),
    ("SELECT * FROM t WHERE id IN ($1, $2)", "", "SELECT t"),
    ("SELECT EXTRACT(EPOCH FROM ts) FROM log WHERE a IS DISTINCT FROM b", "", "SELECT log"),
    (
        "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = excluded.a RETURNING a",
        "",
        "INSERT t",
    ),
    ("UPDATE ONLY a.t AS x SET v = u.v FROM u WHERE x.i = u.i", "", "UPDATE a.t u"),
    ("DELETE FROM t USING u WHERE t.i = u.i", "", "DELETE t u"),
    ("WITH x AS (SELECT a FROM t) SELECT * FROM u, LATERAL f(u.i) g", "", "SELECT t SELECT u f"),
    (
        "WITH d AS (DELETE FROM t RETURNING *) INSERT INTO old SELECT * FROM d",
        "",
        "DELETE t INSERT old SELECT d",
    ),
    ("COPY t (a, b) FROM STDIN", "", "COPY t"),
    (
        "COPY (SELECT * FROM t WHERE a = 'x') TO STDOUT",
        "COPY (SELECT * FROM t WHERE a = ?) TO STDOUT",
        "COPY SELECT t",
    ),
    (
        "BEGIN; UPDATE a SET b = 1; COMMIT",
        "BEGIN; UPDATE a SET b = ?; COMMIT",
        "BEGIN UPDATE a COMMIT",
    ),
    ("SET search_path TO 'secret'", "SET search_path TO ?", "SET"),
    ("SELECT * FROM t JOIN u USING (id), v", "", "SELECT t u v"),
    ("EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM t", "", "EXPLAIN SELECT t"),
    ("DROP TABLE IF EXISTS a, b.c CASCADE", "", "DROP TABLE a b.c"),
    ("TRUNCATE TABLE a, b", "", "TRUNCATE TABLE a b"),
    ("ALTER TABLE a ADD x int, DROP y", "", "ALTER TABLE a"),
    ("CREATE INDEX CONCURRENTLY i ON t (a)", "", "CREATE INDEX i"),
    ("CREATE INDEX ON t (a)", "", "CREATE INDEX"),
    (
        "CREATE FUNCTION f() RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql; SELECT f()",
        "CREATE FUNCTION f() RETURNS int AS ? LANGUAGE sql; SELECT f()",
        "CREATE FUNCTION f SELECT",
    ),
    (
        "(SELECT a FROM t) UNION ALL (SELECT a FROM u) ORDER BY 1",
        "(SELECT a FROM t) UNION ALL (SELECT a FROM u) ORDER BY ?",
        "SELECT t u",
    ),
    (
        "SELECT (SELECT max(a) FROM u), b FROM t WHERE EXISTS (SELECT 1 FROM v)",
        "SELECT (SELECT max(a) FROM u), b FROM t WHERE EXISTS (SELECT ? FROM v)",
        "SELECT SELECT u t SELECT v",
    ),
    ("START TRANSACTION READ ONLY", "", "START TRANSACTION"),
    ("SELECT * FROM (VALUES (1,2)) AS v(a,b)", "SELECT * FROM (VALUES (?,?)) AS v(a,b)", "SELECT"),
    (
        "MERGE INTO t USING (SELECT * FROM s) q ON t.i = q.i WHEN MATCHED THEN UPDATE SET a = 1",
        "MERGE INTO t USING (SELECT * FROM s) q ON t.i = q.i WHEN MATCHED THEN UPDATE SET a = ?",
        "MERGE t SELECT s",
    ),
    ("", "", ""),
    ("-- nothing", "", ""),
];

pub(super) const MYSQL: &[Case] = &[
    (
        "SELECT \"it's\", 'a\\'b', x'FF', 0b1, _utf8'x' FROM `my db`.`t`",
        "SELECT ?, ?, ?, ?, _utf8? FROM `my db`.`t`",
        "SELECT `my db`.`t`",
    ),
    ("SELECT 1 # secret\nFROM t -- more\n", "SELECT ? \nFROM t", "SELECT t"),
    ("SELECT 5--3", "SELECT ?-?", "SELECT"),
    ("SELECT /*!40001 SQL_NO_CACHE */ * FROM t", "SELECT  SQL_NO_CACHE  * FROM t", "SELECT t"),
    ("/*!40101 SET NAMES utf8 */;", "SET NAMES utf8 ;", "SET"),
    (
        "REPLACE INTO t SET a = REPLACE(b, 'x', 'y')",
        "REPLACE INTO t SET a = REPLACE(b, ?, ?)",
        "REPLACE t",
    ),
    (
        "INSERT IGNORE INTO t (a) VALUES (1),(2) ON DUPLICATE KEY UPDATE a = a + 1",
        "INSERT IGNORE INTO t (a) VALUES (?),(?) ON DUPLICATE KEY UPDATE a = a + ?",
        "INSERT t",
    ),
    (
        "LOAD DATA LOCAL INFILE '/secret' INTO TABLE t",
        "LOAD DATA LOCAL INFILE ? INTO TABLE t",
        "LOAD t",
    ),
    (
        "SELECT @@version_comment, @a := 1 LIMIT 1",
        "SELECT @@version_comment, @a := ? LIMIT ?",
        "SELECT",
    ),
    ("CREATE USER 'bob'@'%' IDENTIFIED BY 'pw'", "CREATE USER ?@? IDENTIFIED BY ?", "CREATE USER"),
    (
        "UPDATE a JOIN b ON a.i = b.i SET a.x = 1",
        "UPDATE a JOIN b ON a.i = b.i SET a.x = ?",
        "UPDATE a b",
    ),
    (
        "DELETE a, b FROM a JOIN b USING (i) WHERE a.x IN (?, ?)",
        "DELETE a, b FROM a JOIN b USING (i) WHERE a.x IN (?)",
        "DELETE a b",
    ),
    ("USE shop", "", "USE shop"),
    ("SHOW CREATE TABLE t", "", "SHOW"),
    ("SELECT 'a\\\\', 'b'", "SELECT ?, ?", "SELECT"),
];
