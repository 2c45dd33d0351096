import type { Exchange } from "../http/index.ts";
import type { Sample } from "./metric.ts";

/** Upper bounds of the durations' buckets, in seconds. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"];
/** Status classes `1xx` … `5xx`, and `broken` for a client that left. */
const classes = ["1xx", "2xx", "3xx", "4xx", "5xx", "broken"];

interface Series {
  readonly labels: { readonly route: string; readonly method: string; readonly status: string };
  readonly buckets: Uint32Array;
  count: number;
  seconds: number;
  received: number;
  sent: number;
}

/**
 * Counts requests by kind of endpoint, method and class of status. Names that clients choose are no labels, so that the
 * number of series is bounded. Counting costs no allocation; text is made when somebody asks.
 */
export class RequestMetrics {
  readonly #routes = new Map<string, (Series | undefined)[]>();

  count(exchange: Exchange): void {
    const { request, response, route } = exchange;
    let row = this.#routes.get(route);
    if (row === undefined) this.#routes.set(route, (row = []));
    const method = methodIndex(request.method);
    const status = response.writableFinished ? Math.floor(response.statusCode / 100) - 1 : classes.length - 1;
    const place = method * classes.length + status;
    const series = (row[place] ??= makeSeries(route, method, status));
    const seconds = (performance.now() - exchange.startedAt) / 1000;
    series.count++;
    series.seconds += seconds;
    series.received += exchange.received;
    series.sent += exchange.sent;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    series.buckets[bucket]!++;
  }

  requests(): Sample[] {
    return this.#all().map(({ labels, count }) => ({ labels, value: count }));
  }

  received(): Sample[] {
    return this.#all().map(({ labels, received }) => ({ labels, value: received }));
  }

  sent(): Sample[] {
    return this.#all().map(({ labels, sent }) => ({ labels, value: sent }));
  }

  /** Samples of the histogram `name`. */
  durations(name: string): Sample[] {
    return this.#all().flatMap(({ labels, buckets, count, seconds }) => {
      let below = 0;
      const upTo = bounds.map((le, index) => {
        below += buckets[index]!;
        return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
      });
      return [
        ...upTo,
        { metricName: `${name}_bucket`, labels: { ...labels, le: "+Inf" }, value: count },
        { metricName: `${name}_sum`, labels, value: seconds },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  }

  #all(): Series[] {
    return [...this.#routes.values()].flat().filter((series) => series !== undefined);
  }
}

function makeSeries(route: string, method: number, status: number): Series {
  return {
    labels: { route, method: methods[method]!, status: classes[status]! },
    buckets: new Uint32Array(bounds.length + 1),
    count: 0,
    seconds: 0,
    received: 0,
    sent: 0,
  };
}

function methodIndex(method: string | undefined): number {
  switch (method) {
    case "GET":
      return 0;
    case "HEAD":
      return 1;
    case "POST":
      return 2;
    case "PUT":
      return 3;
    case "PATCH":
      return 4;
    case "DELETE":
      return 5;
    default:
      return 6;
  }
}
