//! The labels with closed sets of values.

use super::label::closed;

closed! {
    /// A call of the Mesos scheduler interface.
    Call is "call" {
        /// `SUBSCRIBE`.
        Subscribe = "subscribe",
        /// `TEARDOWN`.
        Teardown = "teardown",
        /// `ACCEPT`.
        Accept = "accept",
        /// `DECLINE`.
        Decline = "decline",
        /// `REVIVE`.
        Revive = "revive",
        /// `SUPPRESS`.
        Suppress = "suppress",
        /// `KILL`.
        Kill = "kill",
        /// `ACKNOWLEDGE`.
        Acknowledge = "acknowledge",
        /// `RECONCILE`.
        Reconcile = "reconcile",
        /// `MESSAGE`.
        Message = "message",
        /// `REQUEST`.
        Request = "request",
        /// One that is not supported, or not known.
        Other = "other",
    }
}

closed! {
    /// What became of a call.
    Outcome is "outcome" {
        /// It was accepted.
        Accepted = "accepted",
        /// It was refused, for a reason of its own.
        Refused = "refused",
        /// It was not done, since its cell was not served.
        Unavailable = "unavailable",
        /// Nobody knows whether it was done; its connection was closed.
        Uncertain = "uncertain",
    }
}

closed! {
    /// An event to a framework.
    FrameworkEvent is "event" {
        /// `SUBSCRIBED`.
        Subscribed = "subscribed",
        /// `OFFERS`.
        Offers = "offers",
        /// `RESCIND`.
        Rescind = "rescind",
        /// `UPDATE`.
        Update = "update",
        /// `MESSAGE`.
        Message = "message",
        /// `FAILURE`.
        Failure = "failure",
        /// `ERROR`.
        Error = "error",
        /// `HEARTBEAT`.
        Heartbeat = "heartbeat",
    }
}

closed! {
    /// Which way.
    Direction is "direction" {
        /// From here.
        Sent = "sent",
        /// To here.
        Received = "received",
    }
}

closed! {
    /// What an agent and the control plane say to each other.
    AgentMessage is "kind" {
        /// A registration.
        Register = "register",
        /// A status update.
        Update = "update",
        /// A message of an executor to its framework.
        Message = "message",
        /// A sign of life.
        Alive = "alive",
        /// The answer that a request cannot be served.
        RequestFailed = "request_failed",
        /// A registration was taken.
        Registered = "registered",
        /// Register again.
        Resync = "resync",
        /// Register with all tasks.
        ReportAll = "report_all",
        /// Start a task.
        Launch = "launch",
        /// Kill a task.
        Kill = "kill",
        /// An update was acknowledged.
        Acknowledge = "acknowledge",
        /// Nothing, in place of a command.
        Noop = "noop",
        /// Kill what nobody knows.
        Discard = "discard",
        /// The session is over.
        Disconnect = "disconnect",
        /// Send output, or take input.
        Request = "request",
    }
}

closed! {
    /// What goes over a link between a gateway and an owner.
    LinkMessage is "kind" {
        /// A gateway begins.
        Hello = "hello",
        /// A gateway hands an input over.
        Input = "input",
        /// A gateway ends.
        Bye = "bye",
        /// An owner answers a hello.
        Welcome = "welcome",
        /// An owner says that it serves.
        Serving = "serving",
        /// An owner says that it gave its partition away.
        Given = "given",
        /// A message for a session.
        Message = "message",
        /// What became of an input.
        Reply = "reply",
        /// An input was not done.
        Unavailable = "unavailable",
        /// A session is over.
        Close = "close",
        /// What is applied.
        Applied = "applied",
        /// The link is over.
        Reset = "reset",
    }
}

closed! {
    /// What a scheduler steps.
    InputKind is "kind" {
        /// Time has passed.
        Timer = "timer",
        /// A framework subscribes.
        Subscribe = "subscribe",
        /// A framework accepts or declines offers.
        Offers = "offers",
        /// A framework acknowledges.
        Acknowledge = "acknowledge",
        /// Another call of a framework.
        Call = "call",
        /// A framework's connection is over.
        FrameworkDisconnected = "framework_disconnected",
        /// An agent registers.
        AgentRegister = "agent_register",
        /// An agent reports a status.
        AgentUpdate = "agent_update",
        /// An agent says something else.
        AgentOther = "agent_other",
        /// An agent's connection is over.
        AgentDisconnected = "agent_disconnected",
        /// Somebody submits a task.
        Submit = "submit",
        /// Anything else.
        Other = "other",
    }
}

closed! {
    /// Who is connected.
    PeerKind is "peer" {
        /// A framework.
        Framework = "framework",
        /// An agent.
        Agent = "agent",
    }
}

closed! {
    /// The end of a link.
    Side is "side" {
        /// Where the clients are connected.
        Gateway = "gateway",
        /// Where the partition is owned.
        Owner = "owner",
    }
}

closed! {
    /// A bounded queue of a control plane.
    Queue is "queue" {
        /// Inputs that wait in the fullest cell.
        CellInputs = "cell_inputs",
        /// Inputs of other replicas' gateways that wait in the fullest partition.
        LinkInputs = "link_inputs",
        /// Messages that wait in the fullest session of an agent or a framework.
        SessionMessages = "session_messages",
        /// Bytes that wait in the fullest writer to the broker.
        BrokerWriterBytes = "broker_writer_bytes",
        /// Messages that were read from the broker and wait, in all readers.
        BrokerNews = "broker_news",
        /// Connections that are open.
        Connections = "connections",
        /// Modules that are being taken in.
        Uploads = "uploads",
        /// Connections to the database that are in use.
        StoreConnections = "store_connections",
        /// Spans that wait for export.
        Spans = "spans",
    }
}

closed! {
    /// How a commit ended.
    CommitOutcome is "outcome" {
        /// It is durable.
        Committed = "committed",
        /// The database refused what one cell wrote.
        Refused = "refused",
        /// It failed, or nobody knows.
        Failed = "failed",
    }
}

closed! {
    /// Why a partition was taken anew or lost.
    Failure is "reason" {
        /// A commit failed.
        Commit = "commit",
        /// The lease was lost.
        Lease = "lease",
        /// The store and the pipeline disagreed.
        Disagreement = "disagreement",
    }
}

closed! {
    /// Whether a cell is served.
    CellStage is "stage" {
        /// Its rows are being read.
        Loading = "loading",
        /// It is served.
        Serving = "serving",
        /// It failed too often.
        Quarantined = "quarantined",
    }
}

closed! {
    /// What a replica says of itself.
    ReplicaStage is "state" {
        /// It is starting.
        Starting = "starting",
        /// It serves.
        Ready = "ready",
        /// It gives its partitions away.
        Draining = "draining",
    }
}

closed! {
    /// Whether something was answered.
    Answered is "outcome" {
        /// It was.
        Ok = "ok",
        /// It was not.
        Failed = "failed",
    }
}

closed! {
    /// How an agent is.
    AgentStage is "state" {
        /// Registered and connected.
        Connected = "connected",
        /// Registered, without a connection now.
        Disconnected = "disconnected",
        /// Silent for too long.
        Unreachable = "unreachable",
    }
}

closed! {
    /// How a framework is.
    FrameworkStage is "state" {
        /// It is subscribed.
        Connected = "connected",
        /// It has some time to come back.
        Disconnected = "disconnected",
    }
}

closed! {
    /// The state of a task that is not over.
    LiveState is "state" {
        /// `TASK_STAGING`.
        Staging = "staging",
        /// `TASK_STARTING`.
        Starting = "starting",
        /// `TASK_RUNNING`.
        Running = "running",
        /// `TASK_KILLING`.
        Killing = "killing",
        /// `TASK_UNREACHABLE`.
        Unreachable = "unreachable",
        /// Over, and not acknowledged yet.
        Unacknowledged = "unacknowledged",
    }
}

closed! {
    /// How a task ended.
    EndState is "state" {
        /// `TASK_FINISHED`.
        Finished = "finished",
        /// `TASK_FAILED`.
        Failed = "failed",
        /// `TASK_KILLED`.
        Killed = "killed",
        /// `TASK_ERROR`.
        Error = "error",
        /// `TASK_LOST`.
        Lost = "lost",
        /// `TASK_DROPPED`.
        Dropped = "dropped",
        /// `TASK_GONE`.
        Gone = "gone",
        /// `TASK_GONE_BY_OPERATOR`.
        GoneByOperator = "gone_by_operator",
    }
}

closed! {
    /// What happened to an offer.
    OfferEvent is "event" {
        /// It was made.
        Made = "made",
        /// A framework used it.
        Accepted = "accepted",
        /// A framework gave it back.
        Declined = "declined",
        /// It was taken back.
        Rescinded = "rescinded",
        /// It was taken back since nobody used it in time.
        Expired = "expired",
    }
}

closed! {
    /// What a machine's resources are used for.
    Share is "share" {
        /// All there is.
        All = "all",
        /// Tasks have it.
        Used = "used",
        /// It is offered.
        Offered = "offered",
    }
}

closed! {
    /// How a task runs.
    Runs is "runs" {
        /// A process of its own.
        Native = "native",
        /// A module in a sandbox.
        Wasm = "wasm",
    }
}

closed! {
    /// What a span came to.
    SpanFate is "fate" {
        /// A receiver took it.
        Exported = "exported",
        /// There was no room to wait.
        Dropped = "dropped",
        /// The receiver did not take it.
        Failed = "failed",
    }
}

closed! {
    /// A bounded queue of an agent.
    AgentQueue is "queue" {
        /// Events that wait for the driver.
        Events = "events",
        /// Messages that wait for the control plane.
        Outbound = "outbound",
        /// Spans that wait for export.
        Spans = "spans",
    }
}
