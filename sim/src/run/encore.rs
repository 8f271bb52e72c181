//! After everything was read: with all tiers full and all faults over, what the storm rarely meets.

use std::time::Duration;

use super::dba::Dba;
use super::driver::{Run, Stop};
use super::notify::Course;
use super::phase::Phase;
use super::rules;
use crate::check::FINAL;
use crate::dice::Dice;
use crate::fault::Plan;
use crate::world::{Instance, Late};

/// Writes end ...
const WRITES_MS: u64 = 400;
/// ... and after 5 s everybody shows them (C7).
const SHOWN_MS: u64 = 5_000;
/// Behind the system's back a row is written every so many milliseconds.
const WRITE_EVERY_MS: u64 = 50;

/// With late resyncs what is asked for versions answers so late: changes come meanwhile, and it is not given up yet.
const VERSIONS_LATE: Duration = Duration::from_millis(150);
/// With late losses nothing is heard for so long after the last write ...
const UNHEARD_MS: u64 = 200;
/// ... and the stream cannot be read for so long: longer than it is tried.
const UNREADABLE_MS: u64 = 2_500;
/// With late clocks all are set back by so much.
const BACK_MS: i64 = -60_000;
/// A list that is asked for then is older than lists may get.
const MORE_MS: u64 = 1_500;

impl Run {
    /// A few rows are written once more, lists are read, and one row moves; 5 s later everything is read again.
    pub(super) fn encore(&mut self, plan: &Plan, dba: &Dba) -> Result<(), Stop> {
        self.enter("encore", Phase::Encore);
        self.course.iter().for_each(Course::break_one);
        self.last_writes(plan, dba)?;
        self.enter("lists", Phase::Lists);
        self.until_everything_is_read(2)?;
        dba.move_one();
        for since_ms in 0..SHOWN_MS {
            self.mend_hearing(plan, since_ms);
            self.step()?;
        }
        self.course.iter().for_each(Course::mend);
        self.enter(FINAL, Phase::Again);
        self.until_everything_is_read(3)?;
        if plan.tuning.late == Late::ClocksBack { self.set_clocks_back(plan) } else { Ok(()) }
    }

    fn last_writes(&mut self, plan: &Plan, dba: &Dba) -> Result<(), Stop> {
        let fleet = self.world.fleet.clone();
        let (dice, weather) = (Dice::of(plan.seed, "late resyncs"), &fleet.net.weather);
        let mut orders: Vec<(u64, &Instance)> = Vec::new();
        match plan.tuning.late {
            Late::Resyncs => {
                weather.set_versions_late(VERSIONS_LATE);
                orders.extend(fleet.whole(plan.hurt()).map(|instance| (dice.below(WRITES_MS), instance)));
            }
            Late::Losses => {
                fleet.net.mark("last_writes_lost");
                weather.set_unreadable(true);
                fleet.whole(plan.hurt()).for_each(|instance| weather.set_lossy(&instance.net.host, 1_000));
            }
            Late::Nothing | Late::ClocksBack => {}
        }
        for ms in 0..WRITES_MS {
            for (_, instance) in orders.iter().filter(|(at_ms, _)| *at_ms == ms) {
                fleet.net.mark("resync_ordered");
                instance.resync();
            }
            if ms.is_multiple_of(WRITE_EVERY_MS) {
                dba.write();
            }
            self.step()?;
        }
        weather.set_versions_late(Duration::ZERO);
        Ok(())
    }

    /// With late losses: what was lost is noticed, and cannot be had from the stream.
    fn mend_hearing(&self, plan: &Plan, since_ms: u64) {
        let fleet = &self.world.fleet;
        if plan.tuning.late != Late::Losses {
            return;
        }
        if since_ms == UNHEARD_MS {
            fleet.whole(plan.hurt()).for_each(|instance| fleet.net.weather.set_lossy(&instance.net.host, 0));
        }
        if since_ms == UNREADABLE_MS {
            fleet.net.weather.set_unreadable(false);
        }
    }

    /// All wall clocks are set back, and nothing is written: what is cached lives no longer by it.
    fn set_clocks_back(&mut self, plan: &Plan) -> Result<(), Stop> {
        self.world.fleet.net.mark("late_clocks_back");
        self.world.fleet.net.time.step_wall(BACK_MS);
        let age_max_s = rules::rules(plan).map_err(Stop::Died)?.list_age_max_s;
        for _ in 0..age_max_s * 1_000 + MORE_MS {
            self.step()?;
        }
        self.enter("aged", Phase::Aged);
        self.until_everything_is_read(4)
    }
}
