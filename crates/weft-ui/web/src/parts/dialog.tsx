/** Dialogs: a frame, and the one that asks before something is changed. */
import type { ReactNode } from "react";
import { useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { Failure } from "./states";
import "./dialog.css";

interface FrameProps {
  title: ReactNode;
  onClose: () => void;
  children: ReactNode;
  foot?: ReactNode;
  width?: number;
  /** Closes by its buttons alone: for what is shown only once. */
  stays?: boolean;
}

export function DialogFrame({ title, onClose, children, foot, width = 560, stays = false }: FrameProps) {
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={!stays}
      isKeyboardDismissDisabled={stays}
      onOpenChange={(open) => !open && onClose()}
    >
      <Modal className="modal" style={{ width }}>
        <Dialog>
          <div className="mh">
            <Heading slot="title" className="t16 sb">
              {title}
            </Heading>
          </div>
          <div className="mb">{children}</div>
          {foot && <div className="mf">{foot}</div>}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

interface ConfirmProps {
  title: ReactNode;
  /** What the button does: 'Cancel the run'. */
  action: string;
  act: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
  disabled?: boolean;
  width?: number;
}

/** Shows what would happen; acts only on the button. A refusal stays in the dialog. */
export function Confirm({ title, action, act, onClose, children, disabled = false, width }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const go = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await act();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <DialogFrame
      title={title}
      onClose={onClose}
      {...(width ? { width } : {})}
      foot={
        <>
          <button type="button" className="btn" onClick={onClose}>
            Back
          </button>
          <button type="button" className="btn pri" disabled={busy || disabled} onClick={go}>
            {action}
          </button>
        </>
      }
    >
      {children}
      {error !== undefined && <Failure error={error} />}
    </DialogFrame>
  );
}
