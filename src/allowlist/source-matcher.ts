import { entryTextOf, includes } from './caller-set.js';
import type { CallerSet } from './caller-set.js';
import type { CallerMatcher, Overlap } from './caller-matcher.js';

/** Callers of a set, without some of them. */
export interface SetWithout {
  readonly set: CallerSet;
  /** Each a true part of the set. */
  readonly except: readonly CallerSet[];
}

/** What of a set of callers a source matches. */
interface SourceOverlap {
  /** All of these match. */
  readonly parts: readonly SetWithout[];
  /** Whether nobody else of the set does. */
  readonly isExact: boolean;
}

/** One source of a rule with the rule's conditions on the caller: matches whom all of these match. */
export interface SourceMatcher {
  readonly all: readonly CallerMatcher[];
  /** None of these. */
  readonly not: readonly CallerMatcher[];
  /** IDs of other forms than Istio's that are named in full; no larger set holds them. */
  readonly named: readonly CallerSet[];
}

/** Intersects, as far as records can say it. Pure. */
export function sourceWithin({ all, not }: SourceMatcher, set: CallerSet): SourceOverlap {
  const positive = intersection(all, set);
  let { isExact } = positive;
  const parts: SetWithout[] = [];
  for (const part of positive.sets) {
    const overlaps = not.map((matcher) => matcher.within(part));
    const except = overlaps.flatMap(({ sets }) => sets);
    if (except.some((excepted) => includes(excepted, part))) continue;
    if (overlaps.every((overlap) => overlap.isExact)) parts.push({ set: part, except: largest(except) });
    else isExact = false;
  }
  return { parts, isExact };
}

/**
 * Callers of a set whom the source surely does not match: those whom one of its `not` values names.
 *
 * What is left over when a source of DENY that cannot be put into records is denied in full.
 */
export function sparedWithin({ not }: SourceMatcher, set: CallerSet): readonly CallerSet[] {
  return largest(not.flatMap((matcher) => matcher.within(set).sets));
}

/** The matchers that can be put into records narrow the set first: what is hard to say of all may be easy of few. */
function intersection(matchers: readonly CallerMatcher[], set: CallerSet): Overlap {
  let sets: readonly CallerSet[] = [set];
  let left = [...matchers];
  let isExact = true;
  while (left.length > 0) {
    const overlaps = left.map((matcher) => all(sets, matcher));
    const exact = overlaps.findIndex((overlap) => overlap.isExact);
    const chosen = Math.max(exact, 0);
    const overlap = overlaps[chosen];
    if (overlap === undefined) break;
    // Hard to say of what is left, and what is left is nobody.
    if (overlaps.some((other) => other.isExact && other.sets.length === 0)) return { sets: [], isExact };
    isExact &&= overlap.isExact;
    sets = overlap.sets;
    left = left.filter((_, index) => index !== chosen);
  }
  return { sets: largest(sets), isExact };
}

function all(sets: readonly CallerSet[], matcher: CallerMatcher): Overlap {
  const overlaps = sets.map((set) => matcher.within(set));
  return {
    sets: overlaps.flatMap((overlap) => overlap.sets),
    isExact: overlaps.every((overlap) => overlap.isExact),
  };
}

/** Without repetitions, and without those that another one includes. */
export function largest(sets: readonly CallerSet[]): readonly CallerSet[] {
  if (sets.length < 2) return sets;
  const distinct = [...new Map(sets.map((set) => [entryTextOf(set), set])).values()];
  return distinct.filter((set) => !distinct.some((other) => other !== set && includes(other, set)));
}
