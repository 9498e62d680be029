import {
  isObject,
  TEMPLATE_OVERRIDES,
  type TemplateOpening,
  type TemplateOverride,
} from '@cliscale/sdk/protocol'
import { suggestion } from '../../config/nearest.ts'
import { MAX_OPENINGS } from './limits.ts'
import { isPowerful } from './powerful-variables.ts'
import type { Template } from './template.ts'

const FIELDS: readonly string[] = TEMPLATE_OVERRIDES
const VARIABLE = /^(?:env|secrets)\.[A-Za-z_][A-Za-z0-9_]{0,255}$/

/** Whether a text may stand in `allow`. */
export function isOpening(text: string): text is TemplateOpening {
  return FIELDS.includes(text) || VARIABLE.test(text)
}

/** What is wrong with the texts in each `allow` of a file, one phrase each. What else is wrong with it, its schema says. */
export function openingProblems(file: unknown): readonly string[] {
  const templates = isObject(file) && Array.isArray(file.templates) ? (file.templates as unknown[]) : []
  return templates.flatMap((template, at) => {
    const allow = isObject(template) && Array.isArray(template.allow) ? (template.allow as unknown[]) : []
    return allow.slice(0, MAX_OPENINGS).flatMap((text, index) => {
      if (typeof text !== 'string' || isOpening(text)) return []
      const given = JSON.stringify(text.slice(0, 60))
      const known = `${FIELDS.join(', ')}, env.NAME, secrets.NAME`
      return [
        `templates[${at}].allow[${index}] must be one of ${known}, not ${given}${suggestion(text, FIELDS)}`,
      ]
    })
  })
}

/** Whether clients may set a field that is no list of variables. */
export function opensField({ allow }: Template, field: TemplateOverride): boolean {
  return allow.includes(field)
}

/**
 * Whether clients may set one variable. Who may choose the command may run anything, so there the powerful ones are no
 * more than others.
 */
export function opensVariable({ allow }: Template, field: 'env' | 'secrets', name: string): boolean {
  if (allow.includes(`${field}.${name}`)) return true
  return allow.includes(field) && (!isPowerful(name) || allow.includes('command'))
}
