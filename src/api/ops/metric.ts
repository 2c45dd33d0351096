/** One number of a metric. */
export interface Sample {
  /** Where it is not the metric's own: `…_bucket`, `…_sum`. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** A metric that is read when somebody asks for it. */
export interface Metric {
  /** `berth_…`, with the unit, and `_total` for counters. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** A bare number is a sample without labels. */
  read(): number | readonly Sample[] | Promise<number | readonly Sample[]>;
}
