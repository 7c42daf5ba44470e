"""The DuckDB side of `stoa bench tpch --compare duckdb`: load the same .tbl files into a native file, warm each query
once, time it five times, and print one JSON object. Arguments: folder of .tbl files, database file, threads, SQL folder."""

import glob
import json
import os
import resource
import sys
import time

import duckdb

data, database, threads, sql = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
tables = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"]


def strip(ddl: str) -> str:
    """The schema without what only Redshift knows."""
    import re

    return re.sub(r"\)\s*(diststyle all|sortkey \([a-z_]+\))", ")", ddl)


def seconds(work) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


for leftover in glob.glob(database + "*"):
    os.remove(leftover)
connection = duckdb.connect(database)
connection.execute(f"set threads = {threads}")
schema = strip(open(os.path.join(sql, "schema.sql")).read())
import re

# Keys are not enforced in Stoa either; without them DuckDB builds no indexes and loads faster.
schema = re.sub(r"( primary key \([^)]*\)| primary key|,? foreign key \([^)]*\) references \w+ \([^)]*\)| references \w+ \([^)]*\))", "", schema)
schema = schema.replace(",,", ",").replace(", )", ")").replace(",)", ")")
connection.execute(schema)
load = {}
for table in tables:
    path = os.path.join(data, f"{table}.tbl")
    load[table] = seconds(lambda: connection.execute(f"copy {table} from '{path}' (delimiter '|', header false, null_padding true)"))
started = time.perf_counter()
connection.execute("checkpoint")
load["checkpoint"] = time.perf_counter() - started

queries, rows = [], []
before = resource.getrusage(resource.RUSAGE_SELF)
cpu = []
for path in sorted(glob.glob(os.path.join(sql, "q*.sql"))):
    text = open(path).read()
    answer = connection.execute(text).fetchall()
    rows.append(len(answer))
    times = [seconds(lambda: connection.execute(text).fetchall()) * 1e3 for _ in range(5)]
    queries.append(times)
connection.close()
print(json.dumps({
    "version": duckdb.__version__,
    "load_seconds": load,
    "milliseconds": queries,
    "rows": rows,
    "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "bytes": os.path.getsize(database),
}))
