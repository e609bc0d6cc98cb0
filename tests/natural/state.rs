//! Variables in natural control flow.

use tensorwright::prelude::*;
use tensorwright::{Result, function};

fn integer(x: &Tensor) -> i32 {
    x.item().unwrap()
}

#[derive(Clone, Tree, Module)]
struct Account {
    balance: Variable,
    #[tree(static)]
    log: Variable,
}

impl Account {
    fn new(balance: i32) -> Account {
        let log = Variable::new([0i32; 4]).unwrap();
        Account { balance: Variable::named("balance", balance).unwrap(), log }
    }

    /// Takes `amount` as long as there is enough, at most `most` times; says how often it did.
    #[function]
    fn take(&self, amount: Tensor, most: Tensor) -> Result<Tensor> {
        let mut times = Tensor::from(0i32);
        for i in range(&most) {
            if self.balance.value() < &amount {
                break;
            }
            if i == 2 {
                self.log.scatter_add(&i.reshape([1]), Tensor::from([1i32]))?;
                continue;
            }
            self.balance.assign_sub(&amount)?;
            times += 1;
        }
        Ok(times)
    }

    /// Adds to the balance, if the amount is positive.
    #[function]
    fn pay(&self, amount: &Tensor) -> Result<Tensor> {
        let before = self.balance.value();
        if amount <= 0 {
            return Ok(before);
        }
        self.balance.assign_add(amount)?;
        if self.balance.value() > 100 {
            self.balance.assign(100)?;
        } else {
            self.log.scatter_update(&Tensor::from([0i32]), self.balance.value().reshape([1]))?;
        }
        Ok(self.balance.value() - before)
    }
}

#[test]
fn branches_and_loops_assign_variables() {
    for eagerly in [false, true] {
        Account::take_function().run_eagerly(eagerly);
        Account::pay_function().run_eagerly(eagerly);
        let account = Account::new(50);
        assert_eq!(account.variables().len(), 2);
        assert_eq!(integer(&account.take(Tensor::from(8i32), Tensor::from(4i32)).unwrap()), 3);
        assert_eq!(integer(&account.balance.value()), 26);
        assert_eq!(integer(&account.take(Tensor::from(20i32), Tensor::from(9i32)).unwrap()), 1);
        assert_eq!(integer(&account.balance.value()), 6);
        assert_eq!(account.log.value().to_vec::<i32>().unwrap(), [0, 0, 1, 0]);
        assert_eq!(integer(&account.pay(&Tensor::from(-3i32)).unwrap()), 6);
        assert_eq!(integer(&account.pay(&Tensor::from(30i32)).unwrap()), 30);
        assert_eq!(account.log.value().to_vec::<i32>().unwrap(), [36, 0, 1, 0]);
        assert_eq!(integer(&account.pay(&Tensor::from(80i32)).unwrap()), 64);
        assert_eq!(integer(&account.balance.value()), 100);
    }
}

#[test]
fn which_variable_it_is_is_part_of_the_signature() {
    let traces = || Account::take_function().trace_count();
    Account::take_function().run_eagerly(false);
    let (one, other) = (Account::new(5), Account::new(50));
    let take = |account: &Account| integer(&account.take(Tensor::from(7i32), Tensor::from(1i32)).unwrap());
    assert_eq!((take(&one), take(&other)), (0, 1));
    let before = traces();
    assert_eq!((take(&one), take(&other)), (0, 1));
    assert_eq!(traces(), before, "the variables are known");
}

#[function]
fn set(v: Variable, to: Tensor) -> Result<Tensor> {
    if to > 0 {
        v.assign(&to)?;
    }
    while v.value() % 8 != 0 {
        v.assign_add(1)?;
    }
    Ok(v.value())
}

#[test]
fn variables_are_arguments() {
    for eagerly in [false, true] {
        set::function().run_eagerly(eagerly);
        let v = Variable::new(3i32).unwrap();
        assert_eq!(integer(&set(v.clone(), Tensor::from(-5i32)).unwrap()), 8);
        assert_eq!(integer(&set(v.clone(), Tensor::from(13i32)).unwrap()), 16);
        assert_eq!(integer(&v.value()), 16);
    }
}

#[test]
fn a_variable_is_not_assigned_another_type_in_a_branch() {
    #[function]
    fn wrong(v: &Variable, x: Tensor) -> Result<Tensor> {
        if x > 0.0 {
            v.assign(x.cast(DType::F64))?;
        }
        Ok(v.value())
    }
    let v = Variable::named("speed", 1.0f32).unwrap();
    let message = wrong(&v, Tensor::from(2.0f32)).unwrap_err().to_string();
    for part in ["speed", "f32[]", "f64[]", "state.rs"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(v.value().item::<f32>().unwrap(), 1.0);
}
