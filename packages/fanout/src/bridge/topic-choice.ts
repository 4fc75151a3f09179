import type { RecordedEvent } from '@tidemark/eventstore'
import { BridgeConfigurationError } from '../errors.js'
import { compilePattern, type EventPattern } from './event-pattern.js'

/** A topic for some events. */
export interface TopicRule {
  /** Which events go there; the last rule has none, and takes what is left. */
  readonly where?: EventPattern | readonly EventPattern[] | ((event: RecordedEvent) => boolean)
  /** The topic, or a template of it. */
  readonly to: string
}

/**
 * Which topic an event goes to: a name, a name per aggregate, rules of which the first that matches counts, or a pure function.
 *
 * A name may be a template: `{aggregate}`, `{type}` and `{tenant}` stand for what the event says.
 */
export type TopicChoice =
  string | Readonly<Record<string, string>> | readonly TopicRule[] | ((event: RecordedEvent) => string)

/** A choice as a bridge uses it. */
export interface ChosenTopics {
  readonly topicOf: (event: RecordedEvent) => string
  /** The topics that are known before the first event. */
  readonly known: readonly string[]
}

const defaultTopic = '{aggregate}.events'
const placeholders: Readonly<Record<string, (event: RecordedEvent) => string | undefined>> = {
  aggregate: ({ category }) => category,
  type: ({ type }) => type,
  tenant: ({ tenant }) => tenant,
}

/** @throws {BridgeConfigurationError} a topic, a template or a rule cannot be. */
export function chooseTopics(
  bridge: string,
  choice: TopicChoice | undefined,
  categories: readonly string[] | undefined,
): ChosenTopics {
  if (typeof choice === 'function') return { topicOf: (event) => checkTopic(bridge, choice(event)), known: [] }
  if (isRules(choice)) return byRules(bridge, choice, categories)
  if (typeof choice === 'object') return byAggregate(bridge, choice, categories)
  return byTemplate(bridge, choice ?? defaultTopic, categories)
}

function isRules(choice: TopicChoice | undefined): choice is readonly TopicRule[] {
  return Array.isArray(choice)
}

function byTemplate(bridge: string, template: string, categories: readonly string[] | undefined): ChosenTopics {
  const used = [...template.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name)
  const unknown = used.find((name) => !Object.hasOwn(placeholders, name))
  if (unknown !== undefined)
    throw new BridgeConfigurationError(
      `bridge "${bridge}": topic ${JSON.stringify(template)} has {${unknown}}, a template knows {aggregate}, {type} and {tenant}`,
    )
  const fill = (valueOf: (name: string) => string) =>
    checkTopic(
      bridge,
      template.replace(/\{([^{}]*)\}/g, (_, name: string) => valueOf(name)),
    )
  // What is left must be fit for a topic whatever the event says.
  fill(() => 'x')
  const topicOf = (event: RecordedEvent) =>
    fill((name) => {
      const value = placeholders[name]?.(event)
      if (value === undefined) throw new Error(`the event has no ${name} for topic "${template}"`)
      return value
    })
  if (used.length === 0) return { topicOf, known: [template] }
  const isKnown = categories !== undefined && used.every((name) => name === 'aggregate')
  return { topicOf, known: isKnown ? categories.map((category) => fill(() => category)) : [] }
}

function byAggregate(
  bridge: string,
  topics: Readonly<Record<string, string>>,
  categories: readonly string[] | undefined,
): ChosenTopics {
  const stranger = categories && Object.keys(topics).find((category) => !categories.includes(category))
  if (stranger !== undefined)
    throw new BridgeConfigurationError(
      `bridge "${bridge}" has a topic for "${stranger}", which is not among its aggregates: ${categories?.join(', ')}`,
    )
  const named = new Map(
    Object.entries(topics).map(([category, topic]) => [category, byTemplate(bridge, topic, [category])]),
  )
  const others = byTemplate(bridge, defaultTopic, undefined)
  const of = (category: string) => named.get(category) ?? byTemplate(bridge, defaultTopic, [category])
  return {
    topicOf: (event) => (named.get(event.category) ?? others).topicOf(event),
    known: distinct((categories ?? [...named.keys()]).flatMap((category) => of(category).known)),
  }
}

function byRules(bridge: string, rules: readonly TopicRule[], categories: readonly string[] | undefined): ChosenTopics {
  const last = rules.at(-1)
  if (!last || last.where !== undefined || rules.slice(0, -1).some(({ where }) => where === undefined))
    throw new BridgeConfigurationError(
      `bridge "${bridge}": the last topic rule, and no other, is without "where": it takes the events that are left`,
    )
  const compiled = rules.map(({ where, to }, index) => ({
    matches: compileWhere(bridge, `topic[${index}].where`, where),
    ...byTemplate(bridge, to, categories),
  }))
  return {
    topicOf: (event) => {
      const rule = compiled.find(({ matches }) => matches(event))
      if (!rule) throw new Error('no topic rule matches')
      return rule.topicOf(event)
    },
    known: distinct(compiled.flatMap(({ known }) => known)),
  }
}

/** The test that a `where` stands for; everything passes without one. */
export function compileWhere(
  bridge: string,
  place: string,
  where: TopicRule['where'],
): (event: RecordedEvent) => boolean {
  if (where === undefined) return () => true
  return typeof where === 'function' ? where : compilePattern(bridge, place, where)
}

function distinct(topics: readonly string[]): string[] {
  return [...new Set(topics)]
}

/** @throws {BridgeConfigurationError} Kafka would not take the name. */
export function checkTopic(bridge: string, topic: string): string {
  if (/^[A-Za-z0-9._-]{1,249}$/.test(topic) && topic !== '.' && topic !== '..') return topic
  throw new BridgeConfigurationError(
    `bridge "${bridge}": topic ${JSON.stringify(topic)} is not usable: letters, digits, ., _ and -, at most 249`,
  )
}
