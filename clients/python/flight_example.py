"""ADBC and plain pyarrow.flight against Stoa's Flight SQL endpoint. STOA_FLIGHT_URI, STOA_USER and STOA_PASSWORD say where."""

import os

import adbc_driver_flightsql.dbapi
import pyarrow
import pyarrow.flight

uri, user, password = os.environ["STOA_FLIGHT_URI"], os.environ["STOA_USER"], os.environ["STOA_PASSWORD"]
with adbc_driver_flightsql.dbapi.connect(uri, db_kwargs={"username": user, "password": password}, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute("drop table if exists flight_sales")
        cursor.execute("create table flight_sales (id integer, item varchar(20), price decimal(10,2), sold date)")
        cursor.execute("insert into flight_sales values (1, 'tea', 2.50, '2026-01-02'), (2, null, null, null)")
        cursor.execute("select id, item, price, sold from flight_sales order by id")
        table = cursor.fetch_arrow_table()
        assert table.num_rows == 2 and table.column("item").to_pylist() == ["tea", None], table
        assert str(table.column("price")[0].as_py()) == "2.50"
        cursor.execute("select item from flight_sales where id = $1", parameters=(1,))
        assert cursor.fetchone() == ("tea",)
        bulk = pyarrow.table({"id": pyarrow.array(range(1000), pyarrow.int32()), "item": [f"item {n}" for n in range(1000)]})
        assert cursor.adbc_ingest("flight_bulk", bulk, mode="create") in (1000, -1)
        cursor.execute("select count(*) from flight_bulk")
        assert cursor.fetchone() == (1000,)
        cursor.execute("drop table flight_bulk")
    objects = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    names = {
        table["table_name"]
        for catalog in objects
        for schema in catalog["catalog_db_schemas"] or []
        for table in schema["db_schema_tables"] or []
    }
    assert "flight_sales" in names, names
    assert connection.adbc_get_table_schema("flight_sales").names == ["id", "item", "price", "sold"]

client = pyarrow.flight.FlightClient(uri)
try:
    client.authenticate_basic_token(user, "wrong")
    raise SystemExit("a refusal was expected")
except pyarrow.flight.FlightUnauthenticatedError:
    pass
try:
    list(client.list_flights())
    raise SystemExit("a refusal was expected")
except pyarrow.flight.FlightUnauthenticatedError:
    pass
print("flight: 1 passed, 0 failed")
