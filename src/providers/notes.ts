import { ProviderError, type ErrorCode } from '../objects/errors.ts';
import { questions, type Examination, type Finding, type Question, type Verdict } from './examination.ts';
import type { ProviderLimits } from './provider.ts';

/** Collects answers while an examination goes on. */
export class Notes {
  readonly #answers = new Map<Question, Finding>();
  readonly #left: string[] = [];

  tell(question: Question, answer: Verdict, detail?: string): void {
    this.#answers.set(question, { answer, ...(detail !== undefined && { detail }) });
  }

  answerTo(question: Question): Verdict | undefined {
    return this.#answers.get(question)?.answer;
  }

  detailOf(question: Question): string | undefined {
    return this.#answers.get(question)?.detail;
  }

  left(what: string): void {
    if (!this.#left.includes(what)) this.#left.push(what);
  }

  /** Lets a failure be an answer: `denied` where the credentials lack the right, else `not-told` with the reason. */
  async ask(question: Question, find: () => Promise<Finding>, whenDenied: Verdict = 'denied'): Promise<void> {
    try {
      const { answer, detail } = await find();
      this.tell(question, answer, detail);
    } catch (error) {
      const { code, message } = asAnswer(error);
      this.tell(question, code === 'denied' ? whenDenied : 'not-told', message);
    }
  }

  /** Whether the credentials allow a call. */
  async tryRight(question: Question, call: () => Promise<unknown>, detail?: string): Promise<void> {
    await this.ask(question, async () => {
      await call();
      return { answer: 'allowed', ...(detail !== undefined && { detail }) };
    });
  }

  /** What a setting is; who may not ask is not told. */
  async look(question: Question, find: () => Promise<Finding>): Promise<void> {
    await this.ask(question, find, 'not-told');
  }

  examination(limits: ProviderLimits): Examination {
    const known = questions.flatMap((question) => {
      const finding = this.#answers.get(question);
      return finding === undefined ? [] : [{ question, ...finding }];
    });
    return { answers: known, limits, left: this.#left };
  }
}

/** @throws what is no answer: an error of ours, or the person who asks gave up. */
function asAnswer(error: unknown): ProviderError {
  if (error instanceof ProviderError && error.code !== 'aborted') return error;
  throw error;
}

/** The code a call is refused with; undefined when it is accepted. */
export async function refusalCode(call: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return asAnswer(error).code;
  }
}

/** Cleaning up goes on for a moment when the person who asks gives up. */
export function cleaningUp(signal: AbortSignal): AbortSignal {
  return signal.aborted ? AbortSignal.timeout(5_000) : signal;
}

/** Servers refuse signed requests that are 5 to 15 minutes off; long before that, times in listings mislead. */
const tolerated = 10;

/** `serverTime`: as the server told it, in milliseconds; HTTP dates have whole seconds. */
export function clockFinding(serverTime: number | undefined, asked: number, answered: number): Finding {
  if (serverTime === undefined || !Number.isFinite(serverTime)) return { answer: 'not-told' };
  const early = Math.max(0, asked - serverTime - 999);
  const late = Math.max(0, serverTime - answered);
  const seconds = Math.round(Math.max(early, late) / 1_000);
  const direction = late > 0 ? 'ahead of' : 'behind';
  const detail = seconds === 0 ? 'the same time as here' : `the server is ${seconds} s ${direction} this machine`;
  return { answer: seconds > tolerated ? 'no' : 'yes', detail };
}
