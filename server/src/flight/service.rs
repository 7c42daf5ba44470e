//! The Flight SQL methods. Each finds its session in the request, where the guard has put it.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::server::{FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionBeginTransactionRequest, ActionBeginTransactionResult, ActionCancelQueryRequest, ActionCancelQueryResult,
    ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult,
    ActionEndTransactionRequest, CommandGetCatalogs, CommandGetCrossReference, CommandGetDbSchemas,
    CommandGetExportedKeys, CommandGetImportedKeys, CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes,
    CommandGetTables, CommandGetXdbcTypeInfo, CommandPreparedStatementQuery, CommandPreparedStatementUpdate,
    CommandStatementIngest, CommandStatementQuery, CommandStatementUpdate, DoPutPreparedStatementResult,
    EndTransaction, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, ActionType, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage,
    SchemaAsIpc, Ticket,
};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use stoa_query::{ConnectRequest, Protocol};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use super::error::{arrow, status};
use super::result::{self, DataStream, encode_batch};
use super::ticket::{FlightSession, Handle, Tokens, random_text};
use super::{ingest, metadata, sql_info, statement};
use crate::server::Shared;

/// Database of a client that does not name one in the header `database`.
const DEFAULT_DATABASE: &str = "dev";
/// The action by which a client gives its session back. Its answer, a `CloseSessionResult` with status CLOSED, is these
/// bytes of protobuf.
const CLOSE_SESSION: &str = "CloseSession";
const CLOSED: &[u8] = &[0x08, 0x01];

/// `CANCEL_RESULT_CANCELLED` of the protocol.
const CANCELLED: i32 = 1;

/// Answers to one `DoAction`.
type ActionStream = Pin<Box<dyn Stream<Item = Result<arrow_flight::Result, Status>> + Send>>;

/// The service.
#[derive(Debug)]
pub(super) struct Service {
    shared: Arc<Shared>,
    tokens: Arc<Tokens>,
}

impl Service {
    /// A service over the shared state.
    pub(super) fn new(shared: Arc<Shared>, tokens: Arc<Tokens>) -> Self {
        Self { shared, tokens }
    }

    /// Checks a name and password and opens a session for them; its token.
    fn login(&self, request: &Request<Streaming<HandshakeRequest>>) -> Result<String, Status> {
        let refused = || Status::unauthenticated("basic authentication is needed");
        let (user, password) = basic(request.metadata()).ok_or_else(refused)?;
        let authenticated = self.shared.authenticator.check_password(&user, &password).map_err(|error| {
            tracing::info!(client = ?request.remote_addr(), "login refused: {}", error.message);
            status(&error)
        })?;
        let permit = self.shared.admit().map_err(|error| status(&error))?;
        let header = |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok());
        let session = self.shared.engine.connect(ConnectRequest {
            user: authenticated.user().to_owned(),
            database: header("database").unwrap_or(DEFAULT_DATABASE).to_owned(),
            client_address: request.remote_addr().map(|address| address.to_string()).unwrap_or_default(),
            application_name: header("application-name")
                .or_else(|| header("user-agent"))
                .unwrap_or_default()
                .to_owned(),
            settings: Vec::new(),
            protocol: Protocol::FlightSql,
        });
        let session = session.map_err(|error| status(&error))?;
        self.shared.count_session();
        Ok(self.tokens.issue(FlightSession::new(session, permit)))
    }
}

/// Base64 with or without the padding at its end: drivers send either.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Name and password of an `authorization: Basic …` header.
fn basic(metadata: &MetadataMap) -> Option<(String, String)> {
    let value = metadata.get("authorization")?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The session that the guard has found.
fn session<T>(request: &Request<T>) -> Result<Arc<FlightSession>, Status> {
    let session = request.extensions().get::<Arc<FlightSession>>();
    session.cloned().ok_or_else(|| Status::unauthenticated("a valid bearer token is needed"))
}

/// Announces one result that the same server gives for `ticket`.
fn info(
    schema: &arrow::datatypes::Schema,
    ticket: Bytes,
    descriptor: FlightDescriptor,
) -> Result<Response<FlightInfo>, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket { ticket });
    let info = FlightInfo::new().try_with_schema(schema).map_err(|error| arrow(&error))?;
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(descriptor).with_ordered(true)))
}

/// Announces the result of a statement under a ticket for one run.
///
/// A statement without a result is run here and now: there is nothing to fetch, so clients need not come back for it, and
/// some that do hang up in the middle.
async fn announce(
    session: &FlightSession,
    mut handle: Handle,
    descriptor: FlightDescriptor,
) -> Result<Response<FlightInfo>, Status> {
    let mut touched = None;
    if handle.prepared.columns.is_none() {
        touched = Some(statement::update_prepared(session, &handle).await?);
        handle.done = true;
    }
    let schema = Arc::clone(&handle.schema);
    let ticket = TicketStatementQuery { statement_handle: session.keep_ticket(handle)? };
    let mut response = info(&schema, ticket.as_any().encode_to_vec().into(), descriptor)?;
    if let Some(touched) = touched {
        response.get_mut().total_records = touched;
    }
    Ok(response)
}

/// A schema as the bytes that the protocol wants.
fn ipc(schema: &arrow::datatypes::Schema) -> Result<Bytes, Status> {
    let options = arrow::ipc::writer::IpcWriteOptions::default();
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &options).try_into().map_err(|error| arrow(&error))?;
    Ok(bytes)
}

/// The batches that a client uploads.
pub(super) fn upload(stream: PeekableFlightDataStream) -> FlightRecordBatchStream {
    FlightRecordBatchStream::new_from_flight_data(stream.map_err(|error| FlightError::Tonic(Box::new(error))))
}

/// All batches of a small upload: parameters.
async fn small_upload(stream: PeekableFlightDataStream) -> Result<Vec<RecordBatch>, Status> {
    upload(stream).try_collect().await.map_err(Status::from)
}

fn answer(stream: DataStream) -> Result<Response<DataStream>, Status> {
    Ok(Response::new(stream))
}

/// A future as `async_trait` writes it; the methods below come from a macro, which that attribute cannot see into.
type Call<'a, T> = Pin<Box<dyn Future<Output = Result<T, Status>> + Send + 'a>>;

/// Metadata answers: the schema is announced from an empty answer, the ticket is the command itself.
macro_rules! metadata_methods {
    ($($info:ident, $get:ident, $command:ty => $build:path;)+) => {$(
        fn $info<'life, 'async_trait>(
            &'life self,
            query: $command,
            request: Request<FlightDescriptor>,
        ) -> Call<'async_trait, Response<FlightInfo>>
        where
            'life: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                session(&request)?;
                let schema = $build(&query, None).await?.schema();
                info(&schema, query.as_any().encode_to_vec().into(), request.into_inner())
            })
        }

        fn $get<'life, 'async_trait>(
            &'life self,
            query: $command,
            request: Request<Ticket>,
        ) -> Call<'async_trait, Response<<Self as FlightService>::DoGetStream>>
        where
            'life: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                let session = session(&request)?;
                answer(encode_batch($build(&query, Some(&session)).await?))
            })
        }
    )+};
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>>, Status> {
        let token = self.login(&request)?;
        let payload = Bytes::from(token.clone());
        let reply = futures::stream::iter([Ok(HandshakeResponse { protocol_version: 0, payload })]);
        let mut response: Response<Pin<Box<dyn Stream<Item = _> + Send>>> = Response::new(Box::pin(reply));
        let header = format!("Bearer {token}").parse().map_err(|_cause| Status::internal("a token is no header"))?;
        response.metadata_mut().insert("authorization", header);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        query: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let session = session(&request)?;
        statement::check_transaction(&session, query.transaction_id.as_ref())?;
        let handle = statement::prepare(&session, &query.query).await?;
        announce(&session, handle, request.into_inner()).await
    }

    async fn do_get_statement(
        &self,
        ticket: TicketStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let session = session(&request)?;
        let handle = session.take_ticket(&ticket.statement_handle)?;
        answer(statement::stream(session, handle).await?)
    }

    async fn get_flight_info_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let session = session(&request)?;
        let handle = session.prepared(&query.prepared_statement_handle)?;
        announce(&session, handle, request.into_inner()).await
    }

    async fn do_get_prepared_statement(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Response<<Self as FlightService>::DoGetStream>, Status> {
        let session = session(&request)?;
        let handle = session.prepared(&query.prepared_statement_handle)?;
        answer(statement::stream(session, handle).await?)
    }

    async fn do_put_statement_update(
        &self,
        update: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let session = session(&request)?;
        statement::check_transaction(&session, update.transaction_id.as_ref())?;
        statement::update(&session, &update.query).await
    }

    async fn do_put_statement_ingest(
        &self,
        command: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let session = session(&request)?;
        statement::check_transaction(&session, command.transaction_id.as_ref())?;
        ingest::run(&session, command, upload(request.into_inner())).await
    }

    async fn do_put_prepared_statement_query(
        &self,
        query: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let session = session(&request)?;
        let handle = session.prepared(&query.prepared_statement_handle)?;
        let parameters = small_upload(request.into_inner()).await?;
        statement::check_parameters(&handle, &parameters)?;
        session.bind(&query.prepared_statement_handle, parameters)?;
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(query.prepared_statement_handle) })
    }

    async fn do_put_prepared_statement_update(
        &self,
        update: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        let session = session(&request)?;
        let mut handle = session.prepared(&update.prepared_statement_handle)?;
        let parameters = small_upload(request.into_inner()).await?;
        if !parameters.is_empty() {
            statement::check_parameters(&handle, &parameters)?;
            handle.parameters = parameters;
        }
        statement::update_prepared(&session, &handle).await
    }

    async fn do_action_create_prepared_statement(
        &self,
        query: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let session = session(&request)?;
        statement::check_transaction(&session, query.transaction_id.as_ref())?;
        let handle = statement::prepare(&session, &query.query).await?;
        let dataset_schema = match handle.prepared.columns {
            Some(_) => ipc(&handle.schema)?,
            None => Bytes::new(),
        };
        let parameter_schema = match handle.prepared.parameters.as_slice() {
            [] => Bytes::new(),
            types => ipc(&result::parameter_schema(types))?,
        };
        let prepared_statement_handle = session.keep_prepared(handle)?;
        Ok(ActionCreatePreparedStatementResult { prepared_statement_handle, dataset_schema, parameter_schema })
    }

    async fn do_action_close_prepared_statement(
        &self,
        query: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        session(&request)?.close_prepared(&query.prepared_statement_handle);
        Ok(())
    }

    async fn do_action_begin_transaction(
        &self,
        _query: ActionBeginTransactionRequest,
        request: Request<Action>,
    ) -> Result<ActionBeginTransactionResult, Status> {
        let session = session(&request)?;
        if session.transaction.lock().is_some() {
            return Err(Status::failed_precondition("a transaction is open in this session already"));
        }
        statement::update(&session, "begin").await?;
        let transaction_id = Bytes::from(random_text());
        *session.transaction.lock() = Some(transaction_id.clone());
        Ok(ActionBeginTransactionResult { transaction_id })
    }

    async fn do_action_end_transaction(
        &self,
        query: ActionEndTransactionRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        let session = session(&request)?;
        let action = EndTransaction::try_from(query.action).unwrap_or(EndTransaction::Unspecified);
        let text = match action {
            EndTransaction::Commit => "commit",
            EndTransaction::Rollback => "rollback",
            EndTransaction::Unspecified => return Err(Status::invalid_argument("commit or rollback is not said")),
        };
        statement::check_transaction(&session, Some(&query.transaction_id))?;
        *session.transaction.lock() = None;
        statement::update(&session, text).await?;
        Ok(())
    }

    async fn do_action_cancel_query(
        &self,
        _query: ActionCancelQueryRequest,
        request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        session(&request)?.session.cancel();
        Ok(ActionCancelQueryResult { result: CANCELLED })
    }

    async fn do_action_fallback(&self, request: Request<Action>) -> Result<Response<ActionStream>, Status> {
        let session = session(&request)?;
        let body: Bytes = match request.get_ref().r#type.as_str() {
            CLOSE_SESSION => {
                self.tokens.revoke(&session);
                session.session.close().await;
                Bytes::from_static(CLOSED)
            }
            "CancelFlightInfo" => {
                session.session.cancel();
                let status = arrow_flight::CancelStatus::Cancelled.into();
                arrow_flight::CancelFlightInfoResult { status }.encode_to_vec().into()
            }
            other => return Err(Status::unimplemented(format!("the action \"{other}\" is not supported"))),
        };
        let answers = futures::stream::iter([Ok(arrow_flight::Result { body })]);
        Ok(Response::new(answers.boxed()))
    }

    async fn list_custom_actions(&self) -> Option<Vec<Result<ActionType, Status>>> {
        let action = |name: &str, text: &str| Ok(ActionType { r#type: name.to_owned(), description: text.to_owned() });
        Some(vec![
            action("CancelFlightInfo", "Cancels the running statement of the session."),
            action(CLOSE_SESSION, "Closes the session; its token is no longer valid."),
        ])
    }

    metadata_methods! {
        get_flight_info_catalogs, do_get_catalogs, CommandGetCatalogs => metadata::catalogs;
        get_flight_info_schemas, do_get_schemas, CommandGetDbSchemas => metadata::schemas;
        get_flight_info_tables, do_get_tables, CommandGetTables => metadata::tables;
        get_flight_info_table_types, do_get_table_types, CommandGetTableTypes => metadata::table_types;
        get_flight_info_primary_keys, do_get_primary_keys, CommandGetPrimaryKeys => metadata::primary_keys;
        get_flight_info_exported_keys, do_get_exported_keys, CommandGetExportedKeys => metadata::exported_keys;
        get_flight_info_imported_keys, do_get_imported_keys, CommandGetImportedKeys => metadata::imported_keys;
        get_flight_info_cross_reference, do_get_cross_reference, CommandGetCrossReference => metadata::cross_reference;
        get_flight_info_sql_info, do_get_sql_info, CommandGetSqlInfo => sql_info::server;
        get_flight_info_xdbc_type_info, do_get_xdbc_type_info, CommandGetXdbcTypeInfo => sql_info::types;
    }

    async fn register_sql_info(&self, _id: i32, _result: &SqlInfo) {}
}
