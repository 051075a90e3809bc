// The host's functions as they are (proxy-wasm ABI 0.2.1): pointers and sizes in, a status out.

@external("env", "proxy_log")
export declare function proxy_log(level: i32, text: usize, size: usize): i32;
@external("env", "proxy_get_current_time_nanoseconds")
export declare function proxy_get_current_time_nanoseconds(result: usize): i32;
@external("env", "proxy_set_tick_period_milliseconds")
export declare function proxy_set_tick_period_milliseconds(period: i32): i32;
@external("env", "proxy_get_buffer_bytes")
export declare function proxy_get_buffer_bytes(type: i32, start: i32, size: i32, data: usize, length: usize): i32;
@external("env", "proxy_set_buffer_bytes")
export declare function proxy_set_buffer_bytes(type: i32, start: i32, size: i32, data: usize, length: usize): i32;
@external("env", "proxy_get_header_map_pairs")
export declare function proxy_get_header_map_pairs(type: i32, data: usize, length: usize): i32;
@external("env", "proxy_set_header_map_pairs")
export declare function proxy_set_header_map_pairs(type: i32, data: usize, length: usize): i32;
@external("env", "proxy_get_header_map_value")
export declare function proxy_get_header_map_value(type: i32, key: usize, size: usize, data: usize, length: usize): i32;
@external("env", "proxy_replace_header_map_value")
export declare function proxy_replace_header_map_value(
  type: i32,
  key: usize,
  keySize: usize,
  value: usize,
  valueSize: usize,
): i32;
@external("env", "proxy_get_property")
export declare function proxy_get_property(path: usize, size: usize, data: usize, length: usize): i32;
@external("env", "proxy_send_local_response")
export declare function proxy_send_local_response(
  status: i32,
  details: usize,
  detailsSize: usize,
  body: usize,
  bodySize: usize,
  headers: usize,
  headersSize: usize,
  grpcStatus: i32,
): i32;
@external("env", "proxy_http_call")
export declare function proxy_http_call(
  cluster: usize,
  clusterSize: usize,
  headers: usize,
  headersSize: usize,
  body: usize,
  bodySize: usize,
  trailers: usize,
  trailersSize: usize,
  timeoutMs: i32,
  token: usize,
): i32;
@external("env", "proxy_continue_stream")
export declare function proxy_continue_stream(type: i32): i32;
@external("env", "proxy_close_stream")
export declare function proxy_close_stream(type: i32): i32;
@external("env", "proxy_register_shared_queue")
export declare function proxy_register_shared_queue(name: usize, size: usize, token: usize): i32;
@external("env", "proxy_enqueue_shared_queue")
export declare function proxy_enqueue_shared_queue(token: i32, data: usize, size: usize): i32;
@external("env", "proxy_dequeue_shared_queue")
export declare function proxy_dequeue_shared_queue(token: i32, data: usize, length: usize): i32;
@external("env", "proxy_set_effective_context")
export declare function proxy_set_effective_context(context: i32): i32;
@external("env", "proxy_define_metric")
export declare function proxy_define_metric(type: i32, name: usize, size: usize, metric: usize): i32;
@external("env", "proxy_increment_metric")
export declare function proxy_increment_metric(metric: i32, offset: i64): i32;
@external("env", "proxy_record_metric")
export declare function proxy_record_metric(metric: i32, value: u64): i32;
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(buffer: usize, size: i32): i32;
