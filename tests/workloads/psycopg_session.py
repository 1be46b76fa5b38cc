"""A PostgreSQL client that does what lines on standard input say, and prints "done" for each.

psycopg_session.py POSTGRES_URL

    query SQL               simple protocol, without parameters
    extended SQL ; VALUE    extended protocol, one parameter, never a named statement
    prepared SQL ; VALUE    extended protocol, one parameter, a named statement kept for next time
    pipeline SQL ; SQL …    all of them in one pipeline
    copy TABLE ; LINE …     COPY … FROM STDIN
"""

import sys

import psycopg

connection = psycopg.connect(sys.argv[1], autocommit=True)


def do(line):
    kind, _, rest = line.partition(" ")
    parts = [part.strip() for part in rest.split(";")]
    if kind == "query":
        # Without parameters psycopg speaks the simple protocol.
        connection.pgconn.exec_(rest.encode())
    elif kind in ("extended", "prepared"):
        connection.execute(parts[0], (parts[1],), prepare=kind == "prepared")
    elif kind == "pipeline":
        with connection.pipeline():
            for statement in parts:
                connection.execute(statement)
    elif kind == "copy":
        with connection.cursor().copy(f"COPY {parts[0]} FROM STDIN") as copy:
            for row in parts[1:]:
                copy.write(row + "\n")


for line in sys.stdin:
    try:
        do(line.strip())
        print("done", flush=True)
    except psycopg.Error as error:
        print("error", getattr(error, "sqlstate", None), flush=True)
