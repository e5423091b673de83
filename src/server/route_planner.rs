//! Owns: the routes of the route planner (reference, 2.8 and R.30).
//! Never knows: how addresses are chosen.

use super::{
    answer::{Answer, Problem, empty, json},
    app::App,
};
use crate::{
    protocol::{
        json::parse,
        route_planner::{Details, FailingAddress, IpBlock, Own, RoutePlannerStatus, java_address},
        update::FreeAddress,
    },
    source::{Course, Family, Routes, Status},
};
use http::StatusCode;
use std::net::IpAddr;

/// `GET /v4/routeplanner/status`.
pub fn status(app: &App) -> Answer {
    match app.sources.routes() {
        Some(routes) => json(&view(&routes.status())),
        None => empty(StatusCode::NO_CONTENT),
    }
}

/// `POST /v4/routeplanner/free/address`: the body is read first, as in the original.
pub fn free_address(app: &App, body: &[u8]) -> Result<Answer, Problem> {
    let wanted = parse::<FreeAddress>(body)?.address;
    let routes = planner(app)?;
    // The original looks names up, for nothing: what it finds is never one of its own addresses. The status has a slash
    // before each address, which may come back.
    let text = wanted.trim().trim_start_matches('/');
    let text = text.trim_start_matches('[').trim_end_matches(']');
    let address: IpAddr = text.parse().map_err(|_| {
        let message = format!("Invalid address: {wanted}: Name or service not known");
        Problem::bad_request(message)
    })?;
    routes.free(address);
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `POST /v4/routeplanner/free/all`.
pub fn free_all(app: &App) -> Result<Answer, Problem> {
    planner(app)?.free_all();
    Ok(empty(StatusCode::NO_CONTENT))
}

fn planner(app: &App) -> Result<&Routes, Problem> {
    app.sources.routes().ok_or_else(|| {
        Problem::told(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Can't access disabled route planner",
        )
    })
}

fn view(status: &Status) -> RoutePlannerStatus {
    let (class, own) = match status.course {
        Course::Rotating { rotations, index } => {
            let own = Own::Rotating {
                rotate_index: rotations.to_string(),
                ip_index: index.to_string(),
                // before the first request there is none; there the original fails with a null pointer
                current_address: status.current.map_or_else(|| "null".into(), java_address),
            };
            ("RotatingIpRoutePlanner", own)
        }
        Course::Balancing => ("BalancingIpRoutePlanner", Own::Balancing {}),
        Course::Nano { offset } => {
            let own = Own::Nano {
                current_address_index: offset.to_string(),
            };
            ("NanoIpRoutePlanner", own)
        }
        Course::RotatingNano { network, offset } => {
            let own = Own::RotatingNano {
                block_index: network.to_string(),
                current_address_index: offset.to_string(),
            };
            ("RotatingNanoIpRoutePlanner", own)
        }
    };
    let failing = status.failing.iter();
    RoutePlannerStatus {
        class,
        details: Details {
            ip_block: IpBlock {
                kind: match status.family {
                    Family::V4 => "Inet4Address",
                    Family::V6 => "Inet6Address",
                },
                size: status.size.to_string(),
            },
            failing_addresses: failing
                .map(|(address, since)| FailingAddress::new(*address, *since))
                .collect(),
            own,
        },
    }
}
