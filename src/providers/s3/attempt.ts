import type { ErrorCode } from '../../objects/errors.ts';
import { ProviderError } from '../../objects/errors.ts';

/** What became of a request that a server may lack a feature for. */
export type Outcome<Answer> = { readonly accepted: Answer } | { readonly refused: ProviderError };

/**
 * Lets a refusal be an answer. That the server cannot be reached, or that the credentials do not allow it, is none,
 * unless `denied` may be how a server refuses the feature.
 */
export async function attempt<Answer>(
  call: Promise<Answer>,
  { deniedIsAnswer = false }: { readonly deniedIsAnswer?: boolean } = {},
): Promise<Outcome<Answer>> {
  try {
    return { accepted: await call };
  } catch (error) {
    if (!(error instanceof ProviderError) || isNoAnswer.has(error.code)) throw error;
    if (error.code === 'denied' && !deniedIsAnswer) throw error;
    return { refused: error };
  }
}

const isNoAnswer: ReadonlySet<ErrorCode> = new Set(['aborted', 'unavailable', 'throttled']);

/** Refused because of the checksum, not because the feature is unknown. */
export function isCaught(outcome: Outcome<unknown>): boolean {
  return 'refused' in outcome && outcome.refused.code === 'checksum-mismatch';
}
