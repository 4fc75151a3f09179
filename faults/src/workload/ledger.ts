import { defineAggregate, event } from '@tidemark/eventstore'
import { defineProjection, type Projection } from '@tidemark/projections'
import { z } from 'zod'

/** What the experiments with projections are about: accounts, and the owners of accounts. */
export const Account = defineAggregate({
  name: 'account',
  initialState: () => ({}),
  events: {
    Opened: event(z.object({ owner: z.string() })),
    Deposited: event(z.object({ owner: z.string(), amount: z.int() })),
    Closed: event(z.object({})),
  },
  evolve: { Opened: (state) => state, Deposited: (state) => state, Closed: (state) => state },
  commands: () => ({}),
})

/** Changes with the order of the amounts, with one that is missing, and with one that comes twice. */
export function nextTrail(trail: number, amount: number): number {
  return (trail * 31 + amount) % 1_000_003
}

/** One row per stream. */
export const accountBalances = defineProjection({
  name: 'account-balances',
  version: 1,
  schema: z.object({
    accountId: z.string(),
    owner: z.string(),
    deposits: z.int(),
    balance: z.int(),
    trail: z.int(),
  }),
  key: 'accountId',
  on: [
    Account,
    {
      Opened: (_row, { aggregateId, data }) => ({
        ...{ accountId: aggregateId, owner: data.owner, deposits: 0, balance: 0, trail: 1 },
      }),
      Deposited: (row, { data }) =>
        row && {
          ...row,
          deposits: row.deposits + 1,
          balance: row.balance + data.amount,
          trail: nextTrail(row.trail, data.amount),
        },
      Closed: () => null,
    },
  ],
  api: { filter: { owner: ['eq'] }, sort: ['balance'] },
})

/** Many streams, one row. */
export const ownerTotals = defineProjection({
  name: 'owner-totals',
  version: 1,
  schema: z.object({ owner: z.string(), deposits: z.int(), total: z.int(), trail: z.int() }),
  key: 'owner',
  keyOf: (event) => event.data.owner,
  on: [
    Account,
    {
      Deposited: (row, { data }) => ({
        owner: data.owner,
        deposits: (row?.deposits ?? 0) + 1,
        total: (row?.total ?? 0) + data.amount,
        trail: nextTrail(row?.trail ?? 1, data.amount),
      }),
    },
  ],
  api: { sort: ['total'] },
})

/** An amount that {@link balancesThatRefuse} cannot handle. */
export const refusedAmount = 666

/** Parks what it fails on: a deposit of {@link refusedAmount}, in its handler or, of the older schema version, in its upcaster. */
export const balancesThatRefuse = defineProjection({
  name: 'account-balances',
  version: 1,
  schema: accountBalances.schema,
  key: 'accountId',
  on: [
    defineAggregate({
      name: 'account',
      initialState: () => ({}),
      events: {
        Opened: event(z.object({ owner: z.string() })),
        Deposited: event(z.object({ owner: z.string(), amount: z.int() }), {
          version: 2,
          upcast: { 1: (v1) => ({ ...v1, amount: accepted(Number(v1['amount'])) }) },
        }),
        Closed: event(z.object({})),
      },
      evolve: { Opened: (state) => state, Deposited: (state) => state, Closed: (state) => state },
      commands: () => ({}),
    }),
    {
      Opened: (_row, { aggregateId, data }) => ({
        ...{ accountId: aggregateId, owner: data.owner, deposits: 0, balance: 0, trail: 1 },
      }),
      Deposited: (row, { data }) =>
        row && {
          ...row,
          deposits: row.deposits + 1,
          balance: row.balance + accepted(data.amount),
          trail: nextTrail(row.trail, data.amount),
        },
      Closed: () => null,
    },
  ],
  poison: { policy: 'park', retries: 1 },
})

function accepted(amount: number): number {
  if (amount === refusedAmount) throw new RangeError(`an amount of ${amount} is refused`)
  return amount
}

const Wallet = defineAggregate({
  name: 'wallet',
  initialState: () => ({}),
  events: { BonusPaid: event(z.object({ owner: z.string(), amount: z.int() })) },
  evolve: { BonusPaid: (state) => state },
  commands: () => ({}),
})

const Total = z.object({ owner: z.string(), events: z.int(), total: z.int() })

/** Deposits and bonuses, as older code knows them: bonuses belong to wallets, and deposits have their first schema. */
export const olderBonusTotals = defineProjection({
  ...{ name: 'bonus-totals', version: 1, schema: Total, key: 'owner' },
  keyOf: (event) => event.data.owner,
  on: [
    [Account, Wallet],
    {
      Deposited: (row, { data }) => counted(row, data.owner, data.amount),
      BonusPaid: (row, { data }) => counted(row, data.owner, data.amount),
    },
  ],
})

/** The same in newer code: accounts have bonuses too, and deposits are in cents. */
export const newerBonusTotals = defineProjection({
  ...{ name: 'bonus-totals', version: 1, schema: Total, key: 'owner' },
  keyOf: (event) => event.data.owner,
  on: [
    [
      defineAggregate({
        name: 'account',
        initialState: () => ({}),
        events: {
          Opened: event(z.object({ owner: z.string() })),
          Deposited: event(z.object({ owner: z.string(), cents: z.int() }), {
            version: 2,
            upcast: { 1: ({ owner, amount }) => ({ owner, cents: Number(amount) * 100 }) },
          }),
          BonusPaid: event(z.object({ owner: z.string(), amount: z.int() })),
        },
        evolve: { Opened: (state) => state, Deposited: (state) => state, BonusPaid: (state) => state },
        commands: () => ({}),
      }),
      Wallet,
    ],
    {
      Deposited: (row, { data }) => counted(row, data.owner, Math.round(data.cents / 100)),
      BonusPaid: (row, { data }) => counted(row, data.owner, data.amount),
    },
  ],
})

/** The next version of the newer code, with nothing changed but its number. */
export const nextBonusTotals: Projection = { ...newerBonusTotals, version: 2 }

function counted(row: z.infer<typeof Total> | null, owner: string, amount: number): z.infer<typeof Total> {
  return { owner, events: (row?.events ?? 0) + 1, total: (row?.total ?? 0) + amount }
}

/** Happens in one of many thousand events. */
export const rareEvents = defineProjection({
  name: 'rare-events',
  version: 1,
  schema: z.object({ markId: z.string(), marks: z.int() }),
  key: 'markId',
  on: [
    defineAggregate({
      name: 'mark',
      initialState: () => ({}),
      events: { Marked: event(z.object({})), Passed: event(z.object({})) },
      evolve: { Marked: (state) => state, Passed: (state) => state },
      commands: () => ({}),
    }),
    { Marked: (row, { aggregateId }) => ({ markId: aggregateId, marks: (row?.marks ?? 0) + 1 }) },
  ],
})

/** What a process of the lab can be told to run. */
export type ProjectionChoice =
  | 'account-balances'
  | 'account-balances in 4 shards'
  | 'owner-totals'
  | 'owner-totals in 3 shards'
  | 'account-balances that refuse'
  | 'older bonus-totals'
  | 'newer bonus-totals'
  | 'next bonus-totals'
  | 'rare-events'

export const projections: Readonly<Record<ProjectionChoice, Projection>> = {
  'account-balances': accountBalances,
  'account-balances in 4 shards': { ...accountBalances, shards: 4 },
  'owner-totals': ownerTotals,
  'owner-totals in 3 shards': { ...ownerTotals, shards: 3 },
  'account-balances that refuse': balancesThatRefuse,
  'older bonus-totals': olderBonusTotals,
  'newer bonus-totals': newerBonusTotals,
  'next bonus-totals': nextBonusTotals,
  'rare-events': rareEvents,
}
