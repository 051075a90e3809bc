import { RootContext, StreamContext } from "../sdk/context";
import { answerFurther } from "./further";
import { Upstream } from "./upstream";

/** The provider's side of a worker: makes the attempts and ends those that take too long. */
export class UpstreamRoot extends RootContext {
  override createStream(id: i32): StreamContext {
    return new Upstream(id, this);
  }

  override onCallResponse(token: i32, headerCount: i32, bodySize: i32): void {
    answerFurther(token, headerCount, bodySize);
  }

  watch(attempt: Upstream): void {
    watched.add(attempt);
  }

  leave(attempt: Upstream): void {
    watched.remove(attempt);
  }
}

/** The attempts of this worker that have not ended, whichever cluster's filter they run in. */
class Watch {
  private readonly attempts: Array<Upstream> = [];

  add(attempt: Upstream): void {
    attempt.watchIndex = this.attempts.length;
    this.attempts.push(attempt);
  }

  remove(attempt: Upstream): void {
    const index = attempt.watchIndex;
    if (index < 0) return;
    const last = this.attempts.pop();
    if (last !== attempt) {
      this.attempts[index] = last;
      last.watchIndex = index;
    }
    attempt.watchIndex = -1;
  }

  /** Ends every attempt whose time is over. */
  expire(time: f64): void {
    for (let i = this.attempts.length - 1; i >= 0; i--) {
      if (i < this.attempts.length && this.attempts[i].isLate(time)) this.attempts[i].expire(time);
    }
  }
}

const watched = new Watch();

/** For the worker's clock. */
export function expireAttempts(time: f64): void {
  watched.expire(time);
}
