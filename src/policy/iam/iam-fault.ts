/** Where in a policy something stands that cannot be taken. */
export interface StatementName {
  /** Counted from 1. */
  readonly number: number;
  readonly sid: string | undefined;
}

/** A policy that is refused: the message names the statement, says what cannot be evaluated, why, and what to do. */
export class IamFault extends Error {
  override name = "IamFault";
  /** Undefined for what is wrong with the document as a whole. */
  readonly statement: StatementName | undefined;

  constructor(what: string, statement?: StatementName) {
    super(statement === undefined ? what : `${nameStatement(statement)}: ${what}`);
    this.statement = statement;
  }
}

/** As people read it: `statement 2 (Sid "Pull")`. */
export function nameStatement({ number, sid }: StatementName): string {
  return sid === undefined ? `statement ${number}` : `statement ${number} (Sid ${JSON.stringify(sid)})`;
}
