//! Questions of clients, and what becomes of those whose path ends (rule R16).

use insula_kernel::{Input, Outcome};
use insula_types::{CellId, PartitionId, RequestId, Span};

use super::{Ask, Path, Via};
use crate::check::Violation;
use crate::driver::{DriverId, Incoming};
use crate::link::Payload;
use crate::network::{ConnectionId, Side};
use crate::replica::ReplicaNo;
use crate::wire::Wire;
use crate::world::World;

/// How long a gateway waits for the next owner before it gives an answer up.
const ORPHAN_MAX: Span = Span::from_secs(2);

/// Where an input goes.
enum Way {
    Local(DriverId),
    Link,
}

impl World {
    /// Notes who asks, before the input is on its way.
    pub(super) fn expect(
        &mut self,
        no: ReplicaNo,
        connection: ConnectionId,
        number: u64,
        cell: &CellId,
    ) -> RequestId {
        self.request_count += 1;
        let request = RequestId(self.request_count);
        let ask = Ask {
            connection,
            cell: cell.clone(),
            number,
            via: Via::Unsent,
            input: None,
        };
        if let Some(gateway) = self.gateway(no) {
            gateway.asks.insert(request, ask);
        }
        request
    }

    /// Hands an input to the owner of the cell; tells whether it is on its way.
    pub(super) fn submit(
        &mut self,
        no: ReplicaNo,
        cell: &CellId,
        mut input: Input,
    ) -> Result<bool, Violation> {
        let Some(partition) = self.cells.get(cell).copied() else {
            return Ok(false);
        };
        self.open_path(no, partition);
        let Some(gateway) = self.gateway(no) else {
            return Ok(false);
        };
        let (way, via) = match gateway.paths.get(&partition) {
            None => return Ok(false),
            Some(Path::Local(id)) => (Way::Local(*id), Via::Local),
            Some(Path::Link(link)) => {
                let via = Via::Link(link.id.clone(), link.counts.said + 1);
                (Way::Link, via)
            }
        };
        if let Some(request) = input.request_mut()
            && let Some(ask) = gateway.asks.get_mut(request)
        {
            ask.via = via;
        }
        match way {
            Way::Local(id) if self.driver(id).is_none_or(|driver| driver.giving) => {
                return Ok(false);
            }
            Way::Local(id) => self.driver_input(id, Incoming::local(cell.clone(), input))?,
            Way::Link => {
                let payload = Payload::Input {
                    cell: cell.clone(),
                    input: Box::new(input),
                };
                if !self.gateway_says(no, partition, payload) {
                    self.path_ends(no, partition, "the broker is away")?;
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Keeps what a person asked, so that it can be asked again.
    pub(super) fn keep_question(&mut self, no: ReplicaNo, request: RequestId, input: &Input) {
        let ask = self
            .gateway(no)
            .and_then(|gateway| gateway.asks.get_mut(&request));
        if let Some(ask) = ask {
            ask.input = Some(Box::new(input.clone()));
        }
    }

    /// The path is gone: what went over a link may be explained by the next owner's marks, what was
    /// given to an owner in this process cannot be.
    pub(super) fn orphan_asks(&mut self, no: ReplicaNo, partition: PartitionId) {
        let until = self.ctx.now + ORPHAN_MAX;
        let cells = self.cells.clone();
        let Some(gateway) = self.gateway(no) else {
            return;
        };
        let mut uncertain = Vec::new();
        for (request, ask) in &mut gateway.asks {
            if cells.get(&ask.cell) != Some(&partition) {
                continue;
            }
            match &ask.via {
                Via::Link(link, seq) if ask.input.is_some() => {
                    ask.via = Via::Orphan(link.clone(), *seq, until);
                }
                Via::Orphan(..) => {}
                Via::Unsent | Via::Local | Via::Link(..) => uncertain.push(*request),
            }
        }
        for request in uncertain {
            self.ask_is_uncertain(no, request);
        }
    }

    pub(super) fn expire_orphans(&mut self, no: ReplicaNo) {
        let now = self.ctx.now;
        let Some(gateway) = self.gateway(no) else {
            return;
        };
        let expired = gateway
            .asks
            .iter()
            .filter(|(_, ask)| matches!(ask.via, Via::Orphan(_, _, until) if until <= now));
        let expired: Vec<RequestId> = expired.map(|(request, _)| *request).collect();
        for request in expired {
            self.ask_is_uncertain(no, request);
        }
    }

    /// Nobody knows what became of it: the connection ends, and its client must look.
    pub(super) fn ask_is_uncertain(&mut self, no: ReplicaNo, request: RequestId) {
        let ask = self
            .gateway(no)
            .and_then(|gateway| gateway.asks.remove(&request));
        if let Some(ask) = ask {
            self.gateway_drops(no, ask.connection);
        }
    }

    /// It was certainly not applied.
    pub(super) fn ask_again(&mut self, no: ReplicaNo, request: RequestId) -> Result<(), Violation> {
        let Some(ask) = self
            .gateway(no)
            .and_then(|gateway| gateway.asks.get(&request))
        else {
            return Ok(());
        };
        let (cell, input) = (ask.cell.clone(), ask.input.clone());
        self.ctx
            .note(no, format_args!("{request:?} is asked again"));
        let again = match input {
            Some(input) => self.submit(no, &cell, *input)?,
            None => false,
        };
        if !again {
            self.ask_is_uncertain(no, request);
        }
        Ok(())
    }

    pub(crate) fn gateway_answers(
        &mut self,
        no: ReplicaNo,
        request: RequestId,
        outcome: Outcome,
    ) -> Result<(), Violation> {
        let ask = self
            .gateway(no)
            .and_then(|gateway| gateway.asks.remove(&request));
        if let Some(ask) = ask {
            let wire = Wire::Answer {
                number: ask.number,
                outcome,
            };
            self.network
                .send(&mut self.ctx, ask.connection, Side::Client, wire);
        }
        Ok(())
    }
}
