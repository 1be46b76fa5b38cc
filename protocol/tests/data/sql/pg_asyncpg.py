import asyncio, sys, asyncpg
async def main():
    c = await asyncpg.connect(host="127.0.0.1", port=int(sys.argv[1]), user="postgres", database="postgres")
    await c.execute("CREATE TEMP TABLE t (id int, name text)")
    await c.executemany("INSERT INTO t VALUES ($1, $2)", [(i, "geheim") for i in range(3)])
    for i in range(2):
        print(await c.fetch("SELECT name FROM t WHERE id = $1", i))
    async with c.transaction():
        async for row in c.cursor("SELECT id FROM t", prefetch=2):
            print(row)
    try:
        await c.fetch("SELECT nope FROM t")
    except asyncpg.PostgresError as error:
        print(error)
    await c.copy_records_to_table("t", records=[(9, "neun")])
    await c.close()
asyncio.run(main())
