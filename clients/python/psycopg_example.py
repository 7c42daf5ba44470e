"""psycopg 3 against Stoa: parameters, binary results, COPY, cancel, errors. Takes PGHOST, PGPORT, PGUSER, PGPASSWORD and
PGDATABASE from the environment, as every libpq client does."""

import datetime
import decimal
import threading

import psycopg

with psycopg.connect("", autocommit=True) as connection:
    connection.execute("drop table if exists psycopg_sales")
    connection.execute(
        "create table psycopg_sales (id integer, item varchar(20), price decimal(10,2), sold date, at timestamp, ok boolean)"
    )
    rows = [
        (1, "tea", decimal.Decimal("2.50"), datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, 5, 678900), True),
        (2, None, None, None, None, False),
    ]
    with connection.cursor() as cursor:
        cursor.executemany("insert into psycopg_sales values (%s, %s, %s, %s, %s, %s)", rows)
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            found = cursor.execute("select * from psycopg_sales order by id").fetchall()
            assert found == rows, found
            found = cursor.execute("select item from psycopg_sales where id = %s and price > %s", (1, decimal.Decimal("1"))).fetchall()
            assert found == [("tea",)], found
            # After five runs psycopg prepares the statement on the server.
            for number in range(8):
                assert cursor.execute("select %s::integer + 1", (number,)).fetchone() == (number + 1,)
    with connection.cursor() as cursor:
        with cursor.copy("copy psycopg_sales (id, item) from stdin") as copy:
            for number in range(1000):
                copy.write_row((100 + number, f"item {number}"))
        assert cursor.execute("select count(*) from psycopg_sales").fetchone() == (1002,)
        with cursor.copy("copy (select id from psycopg_sales where id < 3 order by id) to stdout") as copy:
            copy.set_types(["int4"])
            assert [row for row in copy.rows()] == [(1,), (2,)]
    with connection.transaction():
        connection.execute("delete from psycopg_sales")
        try:
            with connection.transaction():
                connection.execute("insert into psycopg_sales (id) values (1)")
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert connection.execute("select count(*) from psycopg_sales").fetchone() == (0,)
    try:
        connection.execute("select * from absent_table")
        raise SystemExit("an error was expected")
    except psycopg.errors.UndefinedTable as error:
        assert error.diag.sqlstate == "42P01"
    # Cancel from another thread must stop a long statement at once.
    timer = threading.Timer(0.5, connection.cancel)
    timer.start()
    started = datetime.datetime.now()
    try:
        connection.execute("select count(*) from generate_series(1, 1000000) a cross join generate_series(1, 1000000) b")
        raise SystemExit("a cancel was expected")
    except psycopg.errors.QueryCanceled:
        pass
    assert datetime.datetime.now() - started < datetime.timedelta(seconds=3)
    connection.execute("drop table psycopg_sales")
print("psycopg: 1 passed, 0 failed")
