import sys, pymysql
from pymysql.constants import CLIENT
c = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="app", password="pw", database="shop",
                    client_flag=CLIENT.MULTI_STATEMENTS)
cur = c.cursor()
cur.execute("CREATE TEMPORARY TABLE t (id INT, name VARCHAR(20))")
cur.executemany("INSERT INTO t VALUES (%s, %s)", [(1, "geheim"), (2, "it's")])
cur.execute("SELECT name FROM t WHERE id IN (%s, %s)", (1, 2))
print(cur.fetchall())
cur.execute("SELECT 1; UPDATE t SET id = 3; SELECT 2")
while True:
    print(cur.fetchall())
    if not cur.nextset():
        break
try:
    cur.execute("SELECT * FROM nicht_da")
except pymysql.Error as error:
    print(error.args)
c.ping()
c.select_db("mysql")
cur.execute("SELECT DATABASE()")
c.commit()
c.close()
try:
    pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="app", password="falsch")
except pymysql.Error as error:
    print(error.args)
