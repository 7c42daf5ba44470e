//! No method of Flight SQL but the handshake answers without a token.

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, Criteria, Empty, FlightData, FlightDescriptor, Ticket};
use futures::TryStreamExt;
use stoa_server::Service;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::raw::{PASSWORD, config, server};

async fn channel(server: &stoa_server::Server) -> Channel {
    let address = server.address(Service::Flight).expect("the port is open");
    Channel::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("connected")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_method_needs_a_token() {
    let (server, _) = server(config()).await;
    let channel = channel(&server).await;
    for token in [None, Some("Bearer nonsense"), Some("Basic YWRtaW46Y29ycmVjdCBob3JzZQ==")] {
        let mut client = FlightServiceClient::with_interceptor(channel.clone(), move |mut request: Request<()>| {
            if let Some(token) = token {
                request.metadata_mut().insert("authorization", token.parse().expect("a header"));
            }
            Ok(request)
        });
        let upload = || futures::stream::iter([FlightData::default()]);
        let codes = [
            client.list_flights(Criteria::default()).await.map(drop),
            client.get_flight_info(FlightDescriptor::default()).await.map(drop),
            client.poll_flight_info(FlightDescriptor::default()).await.map(drop),
            client.get_schema(FlightDescriptor::default()).await.map(drop),
            client.do_get(Ticket::default()).await.map(drop),
            client.do_put(upload()).await.map(drop),
            client.do_exchange(upload()).await.map(drop),
            client.do_action(Action::default()).await.map(drop),
            client.list_actions(Empty::default()).await.map(drop),
        ];
        for result in codes {
            assert_eq!(result.expect_err("refused").code(), Code::Unauthenticated);
        }
    }
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_gives_no_token_and_the_same_words_as_an_unknown_user() {
    let (server, _) = server(config()).await;
    let mut client = FlightSqlServiceClient::new(channel(&server).await);
    for user in ["admin", "nobody"] {
        let error = client.handshake(user, "wrong").await.expect_err("refused").to_string();
        assert!(
            error.contains(&format!("password authentication failed for user \\\"{user}\\\""))
                || error.contains(&format!("password authentication failed for user \"{user}\"")),
            "{error}"
        );
    }
    server.shutdown().await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_runs_statements_and_the_schema_is_as_announced() {
    let (server, _) = server(config()).await;
    let mut client = FlightSqlServiceClient::new(channel(&server).await);
    client.handshake("admin", PASSWORD).await.expect("a token");
    let info = client.execute("select 1 as a, 'x' as b, 1.50 as c".to_owned(), None).await.expect("announced");
    let announced = info.clone().try_decode_schema().expect("a schema");
    let ticket = info.endpoint[0].ticket.clone().expect("a ticket");
    let stream = client.do_get(ticket.clone()).await.expect("a stream");
    let batches: Vec<_> = stream.try_collect().await.expect("rows");
    assert_eq!(batches[0].schema().as_ref(), &announced);
    assert_eq!(batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 1);
    assert!(client.do_get(ticket).await.is_err(), "a ticket is good for one run");
    server.shutdown().await.expect("stopped");
}
