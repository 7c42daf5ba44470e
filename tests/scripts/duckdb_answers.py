"""Loads .tbl files into an in-memory DuckDB and prints the answers of the TPC-H queries as JSON: a list a query of rows of
texts. Arguments: folder of .tbl files, folder of SQL files."""

import glob
import json
import os
import sys

import duckdb

data, sql = sys.argv[1], sys.argv[2]
connection = duckdb.connect()
connection.execute("set threads = 2")
types = {
    "region": "r_regionkey int, r_name varchar, r_comment varchar",
    "nation": "n_nationkey int, n_name varchar, n_regionkey int, n_comment varchar",
    "supplier": "s_suppkey bigint, s_name varchar, s_address varchar, s_nationkey int, s_phone varchar, s_acctbal decimal(15,2), s_comment varchar",
    "customer": "c_custkey bigint, c_name varchar, c_address varchar, c_nationkey int, c_phone varchar, c_acctbal decimal(15,2), c_mktsegment varchar, c_comment varchar",
    "part": "p_partkey bigint, p_name varchar, p_mfgr varchar, p_brand varchar, p_type varchar, p_size int, p_container varchar, p_retailprice decimal(15,2), p_comment varchar",
    "partsupp": "ps_partkey bigint, ps_suppkey bigint, ps_availqty int, ps_supplycost decimal(15,2), ps_comment varchar",
    "orders": "o_orderkey bigint, o_custkey bigint, o_orderstatus varchar, o_totalprice decimal(15,2), o_orderdate date, o_orderpriority varchar, o_clerk varchar, o_shippriority int, o_comment varchar",
    "lineitem": "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int, l_quantity decimal(15,2), l_extendedprice decimal(15,2), l_discount decimal(15,2), l_tax decimal(15,2), l_returnflag varchar, l_linestatus varchar, l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct varchar, l_shipmode varchar, l_comment varchar",
}
for table, columns in types.items():
    connection.execute(f"create table {table} ({columns})")
    path = os.path.join(data, f"{table}.tbl")
    connection.execute(f"copy {table} from '{path}' (delimiter '|', header false, null_padding true)")
answers = []
for path in sorted(glob.glob(os.path.join(sql, "q*.sql"))):
    rows = connection.execute(open(path).read()).fetchall()
    answers.append([[None if value is None else str(value) for value in row] for row in rows])
print(json.dumps(answers))
