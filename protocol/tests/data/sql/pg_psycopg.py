import sys, psycopg
url = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres"
with psycopg.connect(url) as c:
    c.execute("CREATE TEMP TABLE t (id int, name text)")
    for i in range(7):  # prepared from the sixth on
        c.execute("INSERT INTO t VALUES (%s, %s)", (i, "geheim"))
    print(c.execute("SELECT name FROM t WHERE id > %s", (2,)).fetchall())
    c.commit()
    with c.pipeline():
        a = c.execute("SELECT %s::int", (1,))
        b = c.execute("SELECT %s::int + 1", (2,))
    try:
        with c.pipeline():
            c.execute("SELECT 10 / %s", (0,))
            c.execute("SELECT 'after'")
    except psycopg.Error as error:
        print(error)
    c.rollback()
    with c.cursor().copy("COPY t FROM STDIN") as copy:
        copy.write_row((100, "hundert"))
    with c.cursor(name="cur") as cur:
        cur.execute("SELECT id FROM t ORDER BY id")
        print(cur.fetchmany(3))
