"""A MariaDB client that does what lines on standard input say, and prints "done", or the error's
number, for each. PyMySQL speaks the text protocol only.

pymysql_session.py PORT DATABASE

    query SQL       one statement, or several at once, separated by semicolons
    commit          the commit that the client sends by itself
"""

import sys

import pymysql
from pymysql.constants import CLIENT

connection = pymysql.connect(
    host="127.0.0.1",
    port=int(sys.argv[1]),
    user="root",
    database=sys.argv[2],
    client_flag=CLIENT.MULTI_STATEMENTS,
)


def do(line):
    kind, _, sql = line.partition(" ")
    if kind == "commit":
        connection.commit()
        return
    with connection.cursor() as cursor:
        cursor.execute(sql)
        while cursor.nextset():
            pass


for line in sys.stdin:
    try:
        do(line.strip())
        print("done", flush=True)
    except pymysql.err.MySQLError as error:
        print("error", error.args[0], flush=True)
