use super::*;

#[tokio::test]
async fn an_event_is_kept_as_it_came_whatever_it_is() {
    let kept = Rc::new(RefCell::new(Bytes::new()));
    let inner = service_fn(|invocation: LambdaInvocation| async move {
        Ok::<_, lambda_runtime::Error>(invocation.body)
    });
    let mut service = KeepsEvent { inner, kept: Rc::clone(&kept) };
    let event = Bytes::from_static(b"not JSON \xff");
    let invocation = LambdaInvocation {
        parts: http::Response::new(()).into_parts().0,
        body: event.clone(),
        context: lambda_runtime::Context::default(),
    };
    assert_eq!(service.call(invocation).await.unwrap(), Bytes::from_static(b"null"));
    assert_eq!(kept.take(), event);
}

#[tokio::test]
async fn a_panic_is_a_fault_and_anything_else_stays_as_it_is() {
    let fault = caught::<()>(async { panic!("{} of {}", 3, 2) }).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Permanent);
    assert_eq!(fault.to_string(), "answering the event: it panicked: 3 of 2");
    let fault = caught::<()>(async { panic!("on purpose") }).await.unwrap_err();
    assert_eq!(fault.why, "it panicked: on purpose");
    assert_eq!(caught(async { Ok(7) }).await.unwrap(), 7);
}

/// P5: nothing is ended from outside in silence.
#[tokio::test]
async fn what_never_ends_is_a_fault_in_time() {
    let left = Duration::from_millis(10);
    let fault = in_time::<()>(left, std::future::pending()).await.unwrap_err();
    assert_eq!(fault.hope, Hope::Retryable);
    assert!(fault.to_string().starts_with("answering the event: the time of the run was over"));
    assert_eq!(in_time(left, async { Ok(7) }).await.unwrap(), 7);
}

#[test]
fn an_environment_with_problems_is_kept_for_every_invocation() {
    let Err((hope, why)) = begin(Config::parse(&|_| None)) else { panic!() };
    assert_eq!(hope, Hope::Permanent);
    assert!(why.starts_with("5 problem(s): AWS_REGION is not set"), "{why}");
    let mut config = crate::replay::config();
    config.tls_roots_pem = Some("/nowhere/roots.pem".to_owned());
    let Err((_, why)) = begin(Ok(config)) else { panic!() };
    assert!(why.starts_with("reading the TLS roots of /nowhere/roots.pem: "), "{why}");
}
