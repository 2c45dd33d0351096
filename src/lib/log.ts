import { LineWriter } from "./line-writer.ts";

/** Levels, the loudest last. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Structured log lines: a sentence that stays the same, and facts beside it. Never secrets. */
export interface Log {
  debug(message: string, facts?: object): void;
  info(message: string, facts?: object): void;
  warn(message: string, facts?: object): void;
  error(message: string, facts?: object): void;
  /** Writes a whole line of level info that was put together elsewhere, line feed included; undefined below that level. */
  readonly line: ((text: string) => void) | undefined;
}

/** A log that someone must close, so that its last lines are written. */
export interface OpenLog extends Log {
  /** Writes out what is still gathered, at once. */
  flush(): void;
}

/**
 * Opens the log on standard output: `json` for machines, an object a line; `yaml`, a document a line, since an object of
 * JSON is one of YAML; `text` for people, a sentence a line. Lines for machines are gathered and written together: a write for each line costs a sixth of
 * all requests. Where they cannot be written they wait, and at last are lost, which a later line tells.
 */
export async function openLog(level: LogLevel, form: "json" | "yaml" | "text"): Promise<OpenLog> {
  if (form === "text") return new TextLog(level);
  const { pino } = await import("pino");
  const lost = (lines: number) =>
    logger.warn({ lines }, "lines of this log are lost: for a while they could not be written");
  const lines = new LineWriter(1, { lost });
  const write = (text: string) => lines.write(form === "yaml" ? `--- ${text}` : text);
  // Also where nobody flushes it.
  process.once("exit", () => lines.flush());
  const logger = pino(
    {
      level,
      base: null,
      messageKey: "message",
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  return {
    debug: (message, facts) => logger.debug(facts, message),
    info: (message, facts) => logger.info(facts, message),
    warn: (message, facts) => logger.warn(facts, message),
    error: (message, facts) => logger.error(facts, message),
    line: logger.isLevelEnabled("info") ? (text) => void write(text) : undefined,
    flush: () => lines.flush(),
  };
}

/** `20:15:03 warn  the disk is nearly full free=12` */
class TextLog implements OpenLog {
  readonly line: OpenLog["line"];
  readonly #least: number;

  constructor(level: LogLevel) {
    this.#least = logLevels.indexOf(level);
    this.line = this.#least > logLevels.indexOf("info") ? undefined : (text) => this.#retell(text);
  }

  debug = this.#writes("debug");
  info = this.#writes("info");
  warn = this.#writes("warn");
  error = this.#writes("error");
  flush(): void {}

  /** Says in text what a line of JSON says. */
  #retell(text: string): void {
    const { level: _level, time: _time, message, ...facts } = JSON.parse(text) as Record<string, unknown>;
    this.info(String(message), facts);
  }

  #writes(level: LogLevel) {
    return (message: string, facts: object = {}): void => {
      if (logLevels.indexOf(level) < this.#least) return;
      const time = new Date().toTimeString().slice(0, 8);
      const pairs = Object.entries(facts).flatMap(([name, value]) =>
        value === undefined ? [] : [` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`],
      );
      process.stdout.write(`${time} ${level.padEnd(5)} ${message}${pairs.join("")}\n`);
    };
  }
}
