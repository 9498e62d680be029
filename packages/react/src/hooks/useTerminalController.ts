import type { CliscaleError } from '@cliscale/sdk/errors'
import { type RefObject, useEffect, useRef, useState } from 'react'
import type { TerminalRegistry } from '../context.ts'
import {
  type ControllerEvents,
  type ControllerOptions,
  TerminalController,
} from '../core/terminal-controller.ts'
import type { TerminalTarget } from '../core/terminal-target.ts'

interface ControllerInput {
  readonly container: RefObject<HTMLElement | null>
  readonly target: TerminalTarget | undefined
  /** Why there is no target, if not because it is on its way. */
  readonly problem: CliscaleError | undefined
  readonly options: ControllerOptions
  readonly events: ControllerEvents
  readonly registry: TerminalRegistry | undefined
}

/** One controller for the life of a component. Listeners may change at every render; none of that reconnects. */
export function useTerminalController(input: ControllerInput): TerminalController {
  const { container, target, problem, options, events, registry } = input
  const [controller] = useState(() => new TerminalController(options))
  const latest = useRef(target)
  useEffect(() => {
    controller.setEvents(events)
    controller.setOptions(options)
    latest.current = target
    controller.setTarget(target)
    controller.setProblem(problem)
  })
  useEffect(() => {
    if (container.current !== null) controller.mount(container.current)
    // Its second mount in StrictMode comes without a new render, and so without the effect above.
    controller.setTarget(latest.current)
    return () => controller.unmount()
  }, [controller, container])
  useEffect(() => registry?.add(controller), [controller, registry])
  return controller
}
