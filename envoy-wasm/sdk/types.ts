// Numbers of the proxy-wasm ABI 0.2.1 (https://github.com/proxy-wasm/spec).

export const STATUS_OK: i32 = 0;

/** Answers of the headers callbacks. */
export const CONTINUE: i32 = 0;
export const STOP_ITERATION: i32 = 1;
/** Further answers of the body callbacks. */
export const STOP_AND_BUFFER: i32 = 1;
export const STOP_NO_BUFFER: i32 = 3;

export const MAP_REQUEST: i32 = 0;
export const MAP_RESPONSE: i32 = 2;
export const MAP_CALL_RESPONSE: i32 = 6;

export const BUFFER_REQUEST: i32 = 0;
export const BUFFER_RESPONSE: i32 = 1;
export const BUFFER_CALL_RESPONSE: i32 = 4;
export const BUFFER_PLUGIN_CONFIGURATION: i32 = 7;

export const STREAM_REQUEST: i32 = 0;
export const STREAM_RESPONSE: i32 = 1;

export const METRIC_COUNTER: i32 = 0;
export const METRIC_GAUGE: i32 = 1;

export const LOG_INFO: i32 = 2;
export const LOG_WARN: i32 = 3;
export const LOG_ERROR: i32 = 4;
