import { Readiness, RequestMetrics, openOps } from "./api/ops/index.ts";
import type { Metric } from "./api/ops/index.ts";
import { formatRefused, formatRequest } from "./api/http/index.ts";
import type { Exchange, Listener, RefusedConnection } from "./api/http/index.ts";
import type { Config } from "./config.ts";
import type { Log } from "./lib/index.ts";
import { countSomeUnsealed } from "./metadata/index.ts";
import { describePause, findFigures, findPause, findStoreSpace, isStorageFault } from "./registry/index.ts";
import type { Collected, Registry, StorageFigures } from "./registry/index.ts";
import { StorageError } from "./storage/index.ts";

/** What is told of how the server does: its log, its health, its figures. */
export interface Watch {
  /** The log's line and the figures of a request that is over. */
  ended(exchange: Exchange): void;
  /** The same for what was no request. */
  refused(facts: RefusedConnection): void;
  /** Something broke while a request was answered. */
  broke(exchange: Exchange, error: unknown): void;
  /** What a pass of the collection did. */
  passed(collected: Collected): void;
  /** A pass of collection failed. */
  failed(error: unknown): void;
  /** Deletes were given up for want of space. */
  gaveUp(count: number): void;
  /** Begins to serve health and figures, unless `ops` is off. @throws Error that says what to do about the port */
  open(listener: Listener): Promise<void>;
  /** From now on not ready. */
  drain(): void;
  close(): Promise<void>;
}

/** Puts together what is told; nothing is served before `open`. */
export function watchServer(config: Config, log: Log, registry: Registry): Watch {
  const { metadata, store } = registry;
  const requests = new RequestMetrics();
  const checks = [
    { name: "database", run: () => metadata.ping() },
    { name: "storage", run: () => store.ping() },
  ];
  const paused = async () => {
    const pause = await findPause(registry);
    return pause === undefined ? undefined : describePause(pause);
  };
  const readiness = new Readiness(
    checks,
    () => performance.now(),
    [{ name: "collection", read: paused }],
    () => metadata.ended(),
  );
  const line = config.log.requests ? log.line : undefined;
  let closeOps = async () => {};
  let refused = 0;
  const collection = new CollectionFigures();
  return {
    ended(exchange) {
      requests.count(exchange);
      line?.(formatRequest(exchange, Date.now()));
    },
    refused(facts) {
      refused++;
      line?.(formatRefused(facts, Date.now()));
    },
    broke(exchange, error) {
      if (isStorageFault(error) && !isUnreadable(exchange, error)) readiness.countFault();
      log.error("a request broke", { requestId: exchange.id, error: String((error as Error).stack) });
    },
    passed(collected) {
      collection.add(collected);
      for (let count = 0; count < collected.stuck; count++) readiness.countFault();
    },
    failed(error) {
      if (isStorageFault(error)) readiness.countFault();
    },
    gaveUp: (count) => collection.addGivenUp(count),
    async open(listener) {
      if (config.ops === undefined) return;
      const figures = [
        ...requestFigures(requests),
        ...storeFigures(registry),
        ...accessFigures(registry),
        ...collection.figures(),
        ...collectionRows(registry),
        gauge("berth_http_connections", "Connections of clients that are open.", () => listener.connections),
        counter("berth_http_refused_total", "What came on connections and was no request.", () => refused),
        counter("berth_storage_faults_total", "Writes that failed for good.", () => readiness.faults),
      ];
      const ops = await openOps({ ...config.ops, readiness, metrics: figures });
      closeOps = () => ops.close();
      log.info("health and metrics are served", { host: config.ops.host, port: ops.port });
    },
    drain: () => readiness.drain(),
    close: () => closeOps(),
  };
}

/** One object cannot be read: that says nothing of what is written, and clients ask for it again and again. */
function isUnreadable({ request }: Exchange, error: unknown): boolean {
  return error instanceof StorageError && (request.method === "GET" || request.method === "HEAD");
}

function requestFigures(requests: RequestMetrics): Metric[] {
  const durations = "berth_http_request_duration_seconds";
  return [
    counter("berth_http_requests_total", "Requests by kind of endpoint, method and class of status.", () =>
      requests.requests(),
    ),
    counter("berth_http_received_bytes_total", "Bytes of request bodies.", () => requests.received()),
    counter("berth_http_sent_bytes_total", "Bytes of answers' bodies.", () => requests.sent()),
    {
      name: durations,
      help: "From a request's head to the end of its answer.",
      type: "histogram",
      read: () => requests.durations(durations),
    },
  ];
}

/** What the collection of this node did since the start. */
class CollectionFigures {
  readonly #removed = new Map<string, number>();
  #passes = 0;
  #givenUp = 0;
  #off = false;

  add({ off, removed, repositories, uploads, objects, orphans }: Collected): void {
    this.#passes++;
    this.#off = off !== undefined;
    for (const [kind, count] of Object.entries({
      ...removed,
      repository: repositories,
      upload: uploads,
      object: objects,
      orphan: orphans,
    })) {
      this.#removed.set(kind, (this.#removed.get(kind) ?? 0) + count);
    }
  }

  addGivenUp(count: number): void {
    this.#givenUp += count;
  }

  figures(): Metric[] {
    const removed = () => [...this.#removed].map(([kind, value]) => ({ labels: { kind }, value }));
    return [
      counter("berth_collection_passes_total", "Passes of the collection that ended well.", () => this.#passes),
      counter(
        "berth_undo_given_up_total",
        "Deletes that this node gave up since the store was short of space.",
        () => this.#givenUp,
      ),
      counter("berth_collection_removed_total", "Rows and objects that the collection removed, by kind.", removed),
      gauge("berth_collection_off", "1 while nothing is collected, for a reason in the log.", () => Number(this.#off)),
    ];
  }
}

/** What the rows say of collection, the same on all nodes; nothing while the database does not answer. */
function collectionRows(registry: Registry): Metric[] {
  const figuresBy = async (read: (figures: StorageFigures) => Awaited<ReturnType<Metric["read"]>>) => {
    const figures = await findFigures(registry.metadata.read).catch(() => undefined);
    return figures === undefined ? [] : read(figures);
  };
  const states = ({ live, undo, pinned, held, reclaimable, dead }: StorageFigures) =>
    Object.entries({ live, undo, pinned, held, reclaimable, dead }).map(([state, { bytes }]) => ({
      labels: { state },
      value: bytes,
    }));
  return [
    gauge("berth_collection_paused", "1 while an owner has paused the collection.", async () => {
      const pause = await findPause(registry).catch(() => null);
      return pause === null ? [] : Number(pause !== undefined);
    }),
    gauge("berth_storage_bytes", "Bytes by what keeps them, as they were counted last.", () => figuresBy(states)),
    gauge("berth_storage_counted_seconds", "When they were counted, in seconds since 1970.", () =>
      figuresBy(({ asOf }) => asOf / 1_000),
    ),
  ];
}

/** Rows that are counted at most: of more only this much is known. */
const unsealedLimit = 10_000;

function accessFigures({ access, metadata }: Registry): Metric[] {
  const refusals = () => {
    const { denied, challenged } = access.refusals.stats();
    return [
      { labels: { kind: "denied" }, value: denied },
      { labels: { kind: "challenged" }, value: challenged },
    ];
  };
  return [
    counter(
      "berth_refusals_total",
      "Attempts that were refused: denied, failed logins among them, or challenged to log in.",
      refusals,
    ),
    gauge(
      "berth_refusals_waiting",
      "Rows of refusals that are not written yet.",
      () => access.refusals.stats().waiting,
    ),
    {
      name: "berth_audit_unsealed_rows",
      help: `Audit rows without a seal, ${unsealedLimit} at most; nothing while the database does not answer.`,
      type: "gauge",
      read: async () => {
        const rows = await Promise.resolve(metadata.read.first(countSomeUnsealed, { limit: unsealedLimit })).catch(
          () => undefined,
        );
        return rows === undefined ? [] : [{ labels: {}, value: Number(rows.count) }];
      },
    },
  ];
}

function storeFigures(registry: Registry): Metric[] {
  const { metadata, store } = registry;
  return [
    gauge(
      "berth_storage_floor_bytes",
      "Free space below which the oldest deletes are given up; nothing where free space is not known, or it is switched off.",
      async () => {
        const space = await findStoreSpace(registry);
        return space === undefined || space.floor === 0 ? [] : space.floor;
      },
    ),
    {
      name: "berth_storage_free_bytes",
      help: "Free space of the blob store; nothing where it cannot say, as S3 cannot.",
      type: "gauge",
      read: async () => {
        const space = await store.driver.findSpace().catch(() => undefined);
        return space === undefined ? [] : [{ labels: {}, value: space.free }];
      },
    },
    gauge("berth_uploads_open", "Uploads that are being written by this node.", () => store.openUploads),
    gauge("berth_upload_buffer_bytes", "Memory that uploads use of their budget.", () => store.bufferedBytes),
    counter("berth_database_writes_total", "Writes that were asked for.", () => metadata.stats().writes),
    counter("berth_database_commits_total", "Commits; one carries many writes.", () => metadata.stats().commits),
    gauge("berth_database_writes_waiting", "Writes that are not committed yet.", () => metadata.stats().waiting),
  ];
}

function counter(name: string, help: string, read: Metric["read"]): Metric {
  return { name, help, type: "counter", read };
}

function gauge(name: string, help: string, read: Metric["read"]): Metric {
  return { name, help, type: "gauge", read };
}
