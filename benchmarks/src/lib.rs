//! The home of whole-system benchmarks: TPC-H texts, the retail schema, the DuckDB side of the comparison. `stoa bench` runs
//! them; criterion benchmarks of kernels live beside the kernels, in `storage/benches` and `ingest/benches`.
