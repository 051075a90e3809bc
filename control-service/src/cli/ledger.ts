import type { Verification } from "../ledger/verify.ts";
import type { BalanceVerification } from "../ledger/verify-balances.ts";
import { ADMIN_USAGE, AdminClient, adminOptions } from "./admin-client.ts";
import { readArguments } from "./arguments.ts";
import { type Command, DONE, REFUSED, UsageError } from "./command.ts";

export const ledger: Command = {
  summary: "verify: computes every bill and balance again from the usage records",
  usage: `oneapi ledger verify [options]

Computes the cost of every usage record again from its usage and its price, and every balance from its entries and the
costs of its records; prints the outcome as JSON, and ends with 1 when a record or a balance is wrong.

${ADMIN_USAGE}`,

  async run([action, ...args], terminal) {
    if (action !== "verify") throw new UsageError("the ledger's only action is verify");
    const { values } = readArguments(args, adminOptions, []);
    const text = await new AdminClient(values, terminal).ask("POST", "/ledger/verify");
    const verification = JSON.parse(text) as Verification & { balances: BalanceVerification };
    terminal.out(JSON.stringify(verification, null, 2));
    return verification.wrong === 0 && verification.balances.wrong === 0 ? DONE : REFUSED;
  },
};
