import { ByteWriter } from "./byte-writer.ts";
import { ClientRequest, Exchange, FAILED, Provider } from "./exchange.ts";
import { providerError } from "./problem.ts";

/** An exchange whose answers are written anew once all of them is there: no provider streams these. */
export abstract class WholeExchange extends Exchange {
  constructor(call: ClientRequest, provider: Provider, model: string) {
    super(call, provider, model);
    this.rewrites = true;
  }

  override chunk(_chunk: Uint8Array, _length: i32, _last: boolean, _out: ByteWriter): i32 {
    this.problem = providerError("The provider answered with a stream.");
    return FAILED;
  }
}
