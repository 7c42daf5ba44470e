//! What `pg_type` says about each built-in type, with Postgres's own numbers: drivers have them compiled in.

/// One row of `pg_type`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeFact {
    /// Oid.
    pub oid: u32,
    /// Name in the catalog (`int4`, `_text`).
    pub name: &'static str,
    /// Length in bytes; -1 when it varies.
    pub length: i16,
    /// Whether values are passed by value in Postgres.
    pub by_value: bool,
    /// `b` base or `p` pseudo.
    pub kind: &'static str,
    /// Category.
    pub category: &'static str,
    /// Preferred in its category.
    pub preferred: bool,
    /// Type of the elements; 0 for types without.
    pub element: u32,
    /// Type of arrays of it.
    pub array: u32,
    /// Oids of the functions in, out, receive, send.
    pub functions: [u32; 4],
    /// Alignment.
    pub align: &'static str,
    /// Storage.
    pub storage: &'static str,
    /// Collation.
    pub collation: u32,
    /// Oid of the function that takes subscripts.
    pub subscript: u32,
}

macro_rules! facts {
    ($($oid:literal $name:literal $length:literal $by_value:literal $kind:literal $category:literal $preferred:literal
        $element:literal $array:literal [$($function:literal)*] $align:literal $storage:literal $collation:literal
        $subscript:literal;)*) => {
        /// All types, by oid.
        pub(crate) static TYPES: &[TypeFact] = &[$(TypeFact {
            oid: $oid, name: $name, length: $length, by_value: $by_value, kind: $kind, category: $category,
            preferred: $preferred, element: $element, array: $array, functions: [$($function),*], align: $align,
            storage: $storage, collation: $collation, subscript: $subscript,
        },)*];
    };
}

facts! {
    16 "bool" 1 true "b" "B" true 0 1000 [1242 1243 2436 2437] "c" "p" 0 0;
    17 "bytea" -1 false "b" "U" false 0 1001 [1244 31 2412 2413] "i" "x" 0 0;
    18 "char" 1 true "b" "Z" false 0 1002 [1245 33 2434 2435] "c" "p" 0 0;
    19 "name" 64 false "b" "S" false 18 1003 [34 35 2422 2423] "c" "p" 950 6180;
    20 "int8" 8 true "b" "N" false 0 1016 [460 461 2408 2409] "d" "p" 0 0;
    21 "int2" 2 true "b" "N" false 0 1005 [38 39 2404 2405] "s" "p" 0 0;
    22 "int2vector" -1 false "b" "A" false 21 1006 [40 41 2410 2411] "i" "p" 0 6179;
    23 "int4" 4 true "b" "N" false 0 1007 [42 43 2406 2407] "i" "p" 0 0;
    24 "regproc" 4 true "b" "N" false 0 1008 [44 45 2444 2445] "i" "p" 0 0;
    25 "text" -1 false "b" "S" true 0 1009 [46 47 2414 2415] "i" "x" 100 0;
    26 "oid" 4 true "b" "N" true 0 1028 [1798 1799 2418 2419] "i" "p" 0 0;
    30 "oidvector" -1 false "b" "A" false 26 1013 [54 55 2420 2421] "i" "p" 0 6179;
    700 "float4" 4 true "b" "N" false 0 1021 [200 201 2424 2425] "i" "p" 0 0;
    701 "float8" 8 true "b" "N" true 0 1022 [214 215 2426 2427] "d" "p" 0 0;
    705 "unknown" -2 false "p" "X" false 0 0 [109 110 2416 2417] "c" "p" 0 0;
    1000 "_bool" -1 false "b" "A" false 16 0 [750 751 2400 2401] "i" "x" 0 6179;
    1001 "_bytea" -1 false "b" "A" false 17 0 [750 751 2400 2401] "i" "x" 0 6179;
    1002 "_char" -1 false "b" "A" false 18 0 [750 751 2400 2401] "i" "x" 0 6179;
    1003 "_name" -1 false "b" "A" false 19 0 [750 751 2400 2401] "i" "x" 950 6179;
    1005 "_int2" -1 false "b" "A" false 21 0 [750 751 2400 2401] "i" "x" 0 6179;
    1006 "_int2vector" -1 false "b" "A" false 22 0 [750 751 2400 2401] "i" "x" 0 6179;
    1007 "_int4" -1 false "b" "A" false 23 0 [750 751 2400 2401] "i" "x" 0 6179;
    1008 "_regproc" -1 false "b" "A" false 24 0 [750 751 2400 2401] "i" "x" 0 6179;
    1009 "_text" -1 false "b" "A" false 25 0 [750 751 2400 2401] "i" "x" 100 6179;
    1013 "_oidvector" -1 false "b" "A" false 30 0 [750 751 2400 2401] "i" "x" 0 6179;
    1014 "_bpchar" -1 false "b" "A" false 1042 0 [750 751 2400 2401] "i" "x" 100 6179;
    1015 "_varchar" -1 false "b" "A" false 1043 0 [750 751 2400 2401] "i" "x" 100 6179;
    1016 "_int8" -1 false "b" "A" false 20 0 [750 751 2400 2401] "d" "x" 0 6179;
    1021 "_float4" -1 false "b" "A" false 700 0 [750 751 2400 2401] "i" "x" 0 6179;
    1022 "_float8" -1 false "b" "A" false 701 0 [750 751 2400 2401] "d" "x" 0 6179;
    1028 "_oid" -1 false "b" "A" false 26 0 [750 751 2400 2401] "i" "x" 0 6179;
    1042 "bpchar" -1 false "b" "S" false 0 1014 [1044 1045 2430 2431] "i" "x" 100 0;
    1043 "varchar" -1 false "b" "S" false 0 1015 [1046 1047 2432 2433] "i" "x" 100 0;
    1082 "date" 4 true "b" "D" false 0 1182 [1084 1085 2468 2469] "i" "p" 0 0;
    1083 "time" 8 true "b" "D" false 0 1183 [1143 1144 2470 2471] "d" "p" 0 0;
    1114 "timestamp" 8 true "b" "D" false 0 1115 [1312 1313 2474 2475] "d" "p" 0 0;
    1115 "_timestamp" -1 false "b" "A" false 1114 0 [750 751 2400 2401] "d" "x" 0 6179;
    1182 "_date" -1 false "b" "A" false 1082 0 [750 751 2400 2401] "i" "x" 0 6179;
    1183 "_time" -1 false "b" "A" false 1083 0 [750 751 2400 2401] "d" "x" 0 6179;
    1184 "timestamptz" 8 true "b" "D" true 0 1185 [1150 1151 2476 2477] "d" "p" 0 0;
    1185 "_timestamptz" -1 false "b" "A" false 1184 0 [750 751 2400 2401] "d" "x" 0 6179;
    1186 "interval" 16 false "b" "T" true 0 1187 [1160 1161 2478 2479] "d" "p" 0 0;
    1187 "_interval" -1 false "b" "A" false 1186 0 [750 751 2400 2401] "d" "x" 0 6179;
    1231 "_numeric" -1 false "b" "A" false 1700 0 [750 751 2400 2401] "i" "x" 0 6179;
    1700 "numeric" -1 false "b" "N" false 0 1231 [1701 1702 2460 2461] "i" "m" 0 0;
    2205 "regclass" 4 true "b" "N" false 0 2210 [2218 2219 2452 2453] "i" "p" 0 0;
    2206 "regtype" 4 true "b" "N" false 0 2211 [2220 2221 2454 2455] "i" "p" 0 0;
    2210 "_regclass" -1 false "b" "A" false 2205 0 [750 751 2400 2401] "i" "x" 0 6179;
    2211 "_regtype" -1 false "b" "A" false 2206 0 [750 751 2400 2401] "i" "x" 0 6179;
    2249 "record" -1 false "p" "P" false 0 2287 [2290 2291 2402 2403] "d" "x" 0 0;
    2275 "cstring" -2 false "p" "P" false 0 1263 [2292 2293 2500 2501] "c" "p" 0 0;
    2276 "any" 4 true "p" "P" false 0 0 [2294 2295 0 0] "i" "p" 0 0;
    2277 "anyarray" -1 false "p" "P" false 0 0 [2296 2297 2502 2503] "d" "x" 0 0;
    2278 "void" 4 true "p" "P" false 0 0 [2298 2299 3120 3121] "i" "p" 0 0;
    2281 "internal" 8 true "p" "P" false 0 0 [2304 2305 0 0] "d" "p" 0 0;
    2283 "anyelement" 4 true "p" "P" false 0 0 [2312 2313 0 0] "i" "p" 0 0;
    4089 "regnamespace" 4 true "b" "N" false 0 4090 [4084 4085 4087 4088] "i" "p" 0 0;
    4090 "_regnamespace" -1 false "b" "A" false 4089 0 [750 751 2400 2401] "i" "x" 0 6179;
    4096 "regrole" 4 true "b" "N" false 0 4097 [4098 4092 4094 4095] "i" "p" 0 0;
    4097 "_regrole" -1 false "b" "A" false 4096 0 [750 751 2400 2401] "i" "x" 0 6179;
}

/// The facts about the type of that oid.
pub(crate) fn by_oid(oid: u32) -> Option<&'static TypeFact> {
    TYPES.binary_search_by_key(&oid, |fact| fact.oid).ok().and_then(|index| TYPES.get(index))
}

/// The facts about the type of that catalog name.
pub(crate) fn by_name(name: &str) -> Option<&'static TypeFact> {
    TYPES.iter().find(|fact| fact.name == name)
}
