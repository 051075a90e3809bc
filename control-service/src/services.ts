import type { Logger } from "pino";
import type { Clock } from "./clock.ts";
import type { ReferenceReader } from "./secrets/references.ts";
import type { Vault } from "./secrets/vault.ts";
import type { Database } from "./store/database.ts";

/** What every part of the control service may use; made once in `serve`, or by a test with parts of its own. */
export interface Services {
  readonly database: Database;
  readonly vault: Vault;
  /** Reads `${env:…}` and `${file:…}` of oneapi.yaml. */
  readonly references: ReferenceReader;
  /** Where limits are counted; null: in this process, which must be the only instance then. */
  readonly redisUrl: string | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The bearer token of `/admin/v1`. */
  readonly adminToken: string;
  /** The bearer token of the gateways. */
  readonly gatewayToken: string;
}
