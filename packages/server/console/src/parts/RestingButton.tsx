import type { ButtonHTMLAttributes, JSX, MouseEvent } from 'react'

interface RestingButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  /** True: it does nothing now, and says so. */
  readonly resting: boolean
}

/** A button that may do nothing for a while. It is not `disabled`: that would take the focus from it. */
export function RestingButton({ resting, onClick, ...others }: RestingButtonProps): JSX.Element {
  const click = (event: MouseEvent<HTMLButtonElement>): void => {
    if (resting) event.preventDefault()
    else onClick?.(event)
  }
  return <button type="button" {...others} aria-disabled={resting} onClick={click} />
}
