//! TPC-H: the schema, the 22 queries with their validation parameters, and data files made by the `tpchgen` crate.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

use super::{Result, ToolError};

/// `CREATE TABLE` statements of the eight tables, separated by semicolons.
pub const SCHEMA: &str = include_str!("../../../benchmarks/tpch/schema.sql");

/// The tables, in an order in which foreign keys refer backwards.
pub const TABLES: [&str; 8] = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

/// The 22 queries.
pub const QUERIES: [&str; 22] = [
    include_str!("../../../benchmarks/tpch/q01.sql"),
    include_str!("../../../benchmarks/tpch/q02.sql"),
    include_str!("../../../benchmarks/tpch/q03.sql"),
    include_str!("../../../benchmarks/tpch/q04.sql"),
    include_str!("../../../benchmarks/tpch/q05.sql"),
    include_str!("../../../benchmarks/tpch/q06.sql"),
    include_str!("../../../benchmarks/tpch/q07.sql"),
    include_str!("../../../benchmarks/tpch/q08.sql"),
    include_str!("../../../benchmarks/tpch/q09.sql"),
    include_str!("../../../benchmarks/tpch/q10.sql"),
    include_str!("../../../benchmarks/tpch/q11.sql"),
    include_str!("../../../benchmarks/tpch/q12.sql"),
    include_str!("../../../benchmarks/tpch/q13.sql"),
    include_str!("../../../benchmarks/tpch/q14.sql"),
    include_str!("../../../benchmarks/tpch/q15.sql"),
    include_str!("../../../benchmarks/tpch/q16.sql"),
    include_str!("../../../benchmarks/tpch/q17.sql"),
    include_str!("../../../benchmarks/tpch/q18.sql"),
    include_str!("../../../benchmarks/tpch/q19.sql"),
    include_str!("../../../benchmarks/tpch/q20.sql"),
    include_str!("../../../benchmarks/tpch/q21.sql"),
    include_str!("../../../benchmarks/tpch/q22.sql"),
];

/// Writes `<table>.tbl` for all tables below `directory`, unless they are there from an earlier run of the same scale.
///
/// Each file is written under another name first, so that an interrupted run leaves nothing that looks complete.
pub fn generate(directory: &Path, scale: f64, mut progress: impl FnMut(&str)) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(directory).map_err(ToolError::while_doing(directory.display()))?;
    let mut paths = Vec::new();
    for table in TABLES {
        let path = directory.join(format!("{table}.tbl"));
        if !path.exists() {
            progress(table);
            let partial = directory.join(format!("{table}.tbl.partial"));
            write_table(table, scale, &partial).map_err(ToolError::while_doing(partial.display()))?;
            std::fs::rename(&partial, &path).map_err(ToolError::while_doing(path.display()))?;
        }
        paths.push(path);
    }
    Ok(paths)
}

fn write_table(table: &str, scale: f64, path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    /// Every row as one line of the classic `.tbl` form.
    macro_rules! rows {
        ($generator:ident) => {
            for row in $generator::new(scale, 1, 1).iter() {
                writeln!(out, "{row}")?;
            }
        };
    }
    match table {
        "region" => rows!(RegionGenerator),
        "nation" => rows!(NationGenerator),
        "supplier" => rows!(SupplierGenerator),
        "customer" => rows!(CustomerGenerator),
        "part" => rows!(PartGenerator),
        "partsupp" => rows!(PartSuppGenerator),
        "orders" => rows!(OrderGenerator),
        _ => rows!(LineItemGenerator),
    }
    out.flush()
}
