import { setTimeout } from "node:timers/promises";

/** A backend of this database that waits for a lock of a transaction in which nothing happens. */
const heldUp = `
  select 1 as there from pg_stat_activity waiting
  where waiting.datname = current_database() and waiting.wait_event_type = 'Lock' and exists (
    select 1 from pg_stat_activity holding
    where holding.pid = any(pg_blocking_pids(waiting.pid)) and holding.state = 'idle in transaction')`;

/** Milliseconds, far more than any machine needs. */
const patience = 40_000;

/**
 * Resolves once the work has ended, or waits in the database for somebody whose transaction stands still.
 * @param ask runs SQL in that database, which is PostgreSQL's
 * @throws Error when it comes to neither in 40 seconds
 */
export async function comeToRest(ask: (sql: string) => Promise<readonly unknown[]>, work: Promise<unknown>) {
  let ended = false;
  const end = () => void (ended = true);
  work.then(end, end);
  const since = performance.now();
  while (!ended && (await ask(heldUp)).length === 0) {
    if (performance.now() - since > patience) throw new Error("it neither ends nor waits for whoever stands still");
    await setTimeout(3);
  }
}
