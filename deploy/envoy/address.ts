/** `envoy.config.core.v3.Address` of a TCP port. */
export function address(host: string, port: number) {
  return { socket_address: { address: host, port_value: port } };
}
