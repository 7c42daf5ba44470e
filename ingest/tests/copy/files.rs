//! Files: which are found, which are refused, compression, damage.

use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::common::*;
use stoa_ingest::*;
use stoa_storage::ExternalStore;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    folder
}

fn sorted(loaded: Loaded) -> Vec<String> {
    let mut values: Vec<String> = loaded.rows.into_iter().map(|mut row| row.remove(0)).collect();
    values.sort();
    values
}

fn find(url: &str, manifest: bool, folder: &Path) -> Result<Vec<String>> {
    let access = FileAccess { folders: vec![folder.to_owned()], ..FileAccess::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let files = runtime.block_on(resolve(url, manifest, &access))?;
    let short = |file: &InputFile| file.name().strip_prefix(folder.to_str().unwrap()).unwrap().to_owned();
    Ok(files.iter().map(short).collect())
}

#[test]
fn compression_is_found_out_or_named() {
    for chunk_bytes in [1, 7, usize::MAX] {
        for (name, bytes) in [("x.csv.gz", gzip(b"1\n2\n")), ("y", zstd(b"1\n2\n")), ("z.csv", b"1\n2\n".to_vec())] {
            let folder = folder(&[(name, &bytes)]);
            let load = Load::new(Format::Csv, &[INT]).with(|options| options.chunk_bytes = chunk_bytes);
            check(&load.try_path(&folder.path().join(name)).unwrap(), &[["1"], ["2"]]);
        }
    }
    let twice = [gzip(b"1\n"), gzip(b"2\n")].concat();
    check(&Load::new(Format::Csv, &[INT]).text(twice), &[["1"], ["2"]]);
    let frames = [zstd(b"1\n"), zstd(b"2\n")].concat();
    let named = Load::new(Format::Csv, &[INT]).with(|options| options.compression = Compression::Zstd);
    check(&named.text(frames), &[["1"], ["2"]]);
    let wrong = Load::new(Format::Csv, &[INT]).with(|options| options.compression = Compression::Gzip);
    assert_eq!(wrong.try_text("1\n").unwrap_err().kind(), Kind::Corrupt);
    let folder = folder(&[("x.gz", b"1\n")]);
    assert_eq!(Load::new(Format::Csv, &[INT]).try_path(&folder.path().join("x.gz")).unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn truncated_and_damaged_streams_name_file_and_line() {
    let text: String = (0..50_000).map(|row| format!("{row}\n")).collect();
    for whole in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        for cut in [5, whole.len() / 2, whole.len() - 1] {
            let folder = folder(&[("cut", &whole[..cut])]);
            let error = Load::new(Format::Csv, &[INT]).try_path(&folder.path().join("cut")).unwrap_err();
            assert_eq!(error.kind(), Kind::Corrupt, "{error}");
            assert!(error.message().contains("cut\" is damaged or truncated near line "), "{error}");
        }
    }
}

#[test]
fn many_files_are_loaded_by_many_workers() {
    let texts: Vec<(String, Vec<u8>)> = (0..20)
        .map(|file| {
            (
                format!("part-{file:02}"),
                (0..500).map(|row| format!("{:05}\n", file * 500 + row)).collect::<String>().into_bytes(),
            )
        })
        .collect();
    let borrowed: Vec<(&str, &[u8])> = texts.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let folder = folder(&borrowed);
    for threads in [1, 3, 30] {
        let mut load = Load::new(Format::Csv, &[TEXT]).with(|options| options.chunk_bytes = 100);
        load.threads = threads;
        let loaded = load.try_path(&folder.path().join("part-")).unwrap();
        assert_eq!((loaded.totals.files, loaded.totals.rows, loaded.totals.bytes), (20, 10_000, 60_000));
        assert_eq!(sorted(loaded), (0..10_000).map(|row| format!("{row:05}")).collect::<Vec<_>>());
    }
}

#[test]
fn one_file_is_parsed_by_many_workers() {
    let text: String = (0..20_000).map(|row| format!("\"{row:05}\",\"a\nb\"\n")).collect();
    let folder = folder(&[("x.csv", text.as_bytes())]);
    let mut load = Load::new(Format::Csv, &[TEXT, TEXT]).with(|options| options.chunk_bytes = 1000);
    load.threads = 4;
    let loaded = load.try_path(&folder.path().join("x.csv")).unwrap();
    assert_eq!(sorted(loaded), (0..20_000).map(|row| format!("{row:05}")).collect::<Vec<_>>());
}

#[test]
fn prefixes_folders_and_hidden_files() {
    let files: [(&str, &[u8]); 6] = [
        ("a/1.csv", b"1"),
        ("a/2.csv", b"2"),
        ("a/b/3.csv", b"3"),
        ("a/_SUCCESS", b""),
        ("a/.hidden", b"x"),
        ("ab", b"4"),
    ];
    let folder = folder(&files);
    let find = |path: &str| find(&format!("{}/{path}", folder.path().display()), false, folder.path());
    assert_eq!(find("a/1.csv").unwrap(), ["/a/1.csv"]);
    assert_eq!(find("a").unwrap(), ["/a/1.csv", "/a/2.csv", "/a/b/3.csv"]);
    assert_eq!(find("a/b/").unwrap(), ["/a/b/3.csv"]);
    assert_eq!(find("a/1").unwrap(), ["/a/1.csv"]);
    assert_eq!(find("missing").unwrap_err().kind(), Kind::NotFound);
    assert_eq!(find("missing/deep/x").unwrap_err().kind(), Kind::NotFound);
}

#[cfg(unix)]
#[test]
fn paths_do_not_leave_the_configured_folders() {
    let secret = folder(&[("secret.csv", b"1\n")]);
    let allowed = folder(&[("inside.csv", b"1\n"), ("own/data.csv", b"2\n")]);
    let link = |name: &str, target: &Path| std::os::unix::fs::symlink(target, allowed.path().join(name)).unwrap();
    link("link.csv", &secret.path().join("secret.csv"));
    link("folder", secret.path());
    link("loop", allowed.path());
    let find = |path: String| find(&path, false, allowed.path());
    let inside = allowed.path().display();
    let outside = secret.path().display();
    for path in [
        format!("{outside}/secret.csv"),
        format!("{outside}/missing.csv"),
        format!("{inside}/link.csv"),
        format!("{inside}/folder/secret.csv"),
        format!("{inside}/../{}/secret.csv", secret.path().file_name().unwrap().to_str().unwrap()),
        format!("{inside}/../"),
        "/etc/passwd".to_owned(),
        "/".to_owned(),
    ] {
        assert_eq!(find(path.clone()).unwrap_err().kind(), Kind::Denied, "{path}");
    }
    assert_eq!(find("inside.csv".to_owned()).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(find("ftp://x/y".to_owned()).unwrap_err().kind(), Kind::Unsupported);
    assert_eq!(find(format!("{inside}/own/../inside.csv")).unwrap(), ["/own/../inside.csv"]);
    assert_eq!(find(format!("file://{inside}/own")).unwrap(), ["/own/data.csv"]);
    let access = FileAccess {
        folders: vec![allowed.path().into()],
        hidden_folders: vec![allowed.path().join("own")],
        ..FileAccess::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let resolve = |url: String, access: &FileAccess| runtime.block_on(resolve(&url, false, access));
    assert_eq!(resolve(format!("{inside}/own/data.csv"), &access).unwrap_err().kind(), Kind::Denied);
    assert_eq!(resolve(format!("{inside}/inside.csv"), &FileAccess::default()).unwrap_err().kind(), Kind::Denied);
    let access = FileAccess { buckets: false, ..FileAccess::default() };
    assert_eq!(resolve("s3://bucket/x".to_owned(), &access).unwrap_err().kind(), Kind::Denied);
    let access = FileAccess { hidden_prefixes: vec!["s3://bucket/root".to_owned()], ..FileAccess::default() };
    assert_eq!(resolve("s3://bucket/root/log/1".to_owned(), &access).unwrap_err().kind(), Kind::Denied);
}

#[cfg(unix)]
#[test]
fn a_file_exchanged_after_it_was_looked_up_is_not_read() {
    let secret = folder(&[("secret.csv", b"1\n")]);
    let allowed = folder(&[("x.csv", b"2\n")]);
    let path = allowed.path().join("x.csv");
    let files = files(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(secret.path().join("secret.csv"), &path).unwrap();
    let error = Load::new(Format::Csv, &[INT]).try_input(Input::Files(files)).unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
}

#[test]
fn manifests() {
    let folder = folder(&[("1.csv", b"1\n"), ("2.csv", b"2\n")]);
    let path = |name: &str| folder.path().join(name).display().to_string();
    let manifest = |text: String| {
        std::fs::write(folder.path().join("manifest"), text).unwrap();
        find(&path("manifest"), true, folder.path())
    };
    let entry = |name: &str, rest: &str| format!("{{\"url\":\"{}\"{rest}}}", path(name));
    let both = format!("{{\"entries\":[{},{}]}}", entry("2.csv", ",\"mandatory\":true"), entry("1.csv", ""));
    assert_eq!(manifest(both).unwrap(), ["/2.csv", "/1.csv"]);
    let missing = |rest: &str| format!("{{\"entries\":[{},{}]}}", entry("x.csv", rest), entry("1.csv", ""));
    assert_eq!(manifest(missing("")).unwrap(), ["/1.csv"]);
    assert_eq!(manifest(missing(",\"mandatory\":true")).unwrap_err().kind(), Kind::NotFound);
    let length = format!("{{\"entries\":[{}]}}", entry("1.csv", ",\"meta\":{\"content_length\":3}"));
    assert_eq!(manifest(length).unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(manifest("{\"entries\":[]}".to_owned()).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(manifest("nonsense".to_owned()).unwrap_err().kind(), Kind::Corrupt);
    let outside = "{\"entries\":[{\"url\":\"/etc/passwd\"}]}".to_owned();
    assert_eq!(manifest(outside).unwrap_err().kind(), Kind::Denied);
}

#[test]
fn objects_of_a_bucket() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let objects = vec![
        ("in/part-1".to_owned(), Bytes::from_static(b"1\n")),
        ("in/part-2".to_owned(), gzip(b"2\n").into()),
        ("in/other".to_owned(), Bytes::from_static(b"3\n")),
    ];
    let store = runtime.block_on(ExternalStore::in_memory("bucket", objects)).unwrap();
    let listed = runtime.block_on(store.list("in/part")).unwrap();
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["in/part-1", "in/part-2"]);
    let files: Vec<_> = listed.iter().map(|object| InputFile::object(&store, &object.key, object.bytes)).collect();
    assert_eq!(files[0].name(), "s3://bucket/in/part-1");
    let loaded = Load::new(Format::Csv, &[INT]).try_input(Input::Files(files)).unwrap();
    assert_eq!(sorted(loaded), ["1", "2"]);
    let gone = vec![InputFile::object(&store, "in/gone", 2)];
    assert_eq!(Load::new(Format::Csv, &[INT]).try_input(Input::Files(gone)).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn uploads_may_fail_and_loads_may_be_cancelled() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    sender.try_send(Ok(Bytes::from_static(b"1\n2"))).unwrap();
    sender.try_send(Err(Error::cancelled("COPY from stdin failed: no more"))).unwrap();
    drop(sender);
    let error = Load::new(Format::Csv, &[INT]).try_input(Input::Upload(receiver)).unwrap_err();
    assert_eq!((error.kind(), error.message()), (Kind::Cancelled, "COPY from stdin failed: no more"));
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    let (job, _) = Load::new(Format::Csv, &[INT]).job(Input::Upload(receiver));
    let cancel = job.cancel.clone();
    let start = std::time::Instant::now();
    let stopped = runtime.block_on(async move {
        let task = tokio::spawn(job.run_into(vec![Discard, Discard]));
        sender.send(Ok(Bytes::from_static(b"1\n"))).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        cancel.cancel();
        task.await.unwrap().unwrap_err()
    });
    assert_eq!(stopped.kind(), Kind::Cancelled);
    assert!(start.elapsed().as_secs() < 1);
}
